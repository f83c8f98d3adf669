//! Tests of the judge of guests that panic, on consoles of real guests.

use std::fs;
use std::path::Path;

use oomtrace_scenarios::compare::{Ending, judge_panic};
use oomtrace_scenarios::job::Tier;
use oomtrace_scenarios::observation::{Observation, TracerRun};
use oomtrace_scenarios::scenario::{self, Scenario};

const KERNELS: [&str; 2] = ["5.10", "7.3"];

fn console(kernel: &str) -> String {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("consoles");
    fs::read_to_string(directory.join(format!("{kernel}-panic_on_oom.txt"))).unwrap()
}

fn panicking() -> Scenario {
    scenario::all().into_iter().find(|scenario| scenario.name == "panic_on_oom").unwrap()
}

/// The observation that the guest sent before, with the tracer armed.
fn sent() -> Observation {
    let tracer = TracerRun { armed_ms: Some(1), ..TracerRun::default() };
    Observation { tracer: Some(tracer), ..Observation::default() }
}

fn found(sent: &[Observation], console: &str, hung: bool) -> Vec<String> {
    let ending = Ending { sent, console, hung };
    let found = judge_panic(&panicking(), &ending, Some(Tier::Fentry));
    found.into_iter().map(|disagreement| disagreement.field).collect()
}

#[test]
fn accepts_the_expected_panic() {
    for kernel in KERNELS {
        let console = console(kernel);
        assert_eq!(found(&[sent()], &console, false), [""; 0], "{kernel}");
        // The kernel repeats the line that it was writing at the moment of the panic.
        let invoked = console.lines().find(|line| line.contains("invoked oom-killer")).unwrap();
        assert_eq!(found(&[sent()], &format!("{console}{invoked}\n"), false), [""; 0], "{kernel}");
    }
}

#[test]
fn names_any_other_end() {
    for kernel in KERNELS {
        let console = console(kernel);
        let named = |console: &str| found(&[sent()], console, false);
        let (alive, _) = console.split_once("Kernel panic").unwrap();
        assert_eq!(named(alive), ["(outcome) panic"]);
        assert_eq!(named(&console.replace("system-wide", "compulsory")), ["(outcome) panic"]);
        assert_eq!(
            named(&format!("{console}Kernel panic - not syncing: Fatal exception\n")),
            ["(outcome) panic"]
        );
        assert_eq!(found(&[sent()], &console, true), ["(outcome) panic"]);
        assert_eq!(named(&console.replace("hog invoked", "oomtrace invoked")), ["(outcome) trigger"]);
        assert_eq!(named(&console.replace("invoked oom-killer", "did something")), ["(outcome) trigger"]);
    }
}

#[test]
fn rejects_a_guest_that_sent_no_or_several_observations() {
    let console = console("7.3");
    assert_eq!(found(&[], &console, false), ["(outcome) end"]);
    assert_eq!(found(&[sent(), sent()], &console, false), ["(outcome) end"]);
    assert_eq!(found(&[Observation::default()], &console, false), ["tracer"]);
}

#[test]
fn names_a_kill_and_a_report_of_one() {
    let console = console("7.3");
    let killed = "[   29.6] Out of memory: Killed process 102 (hog) total-vm:2099660kB, anon-rss:324040kB, \
                  file-rss:4kB, shmem-rss:1920kB, UID:0 pgtables:676kB oom_score_adj:0\n";
    let chosen = "[   29.6] oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,\
                  global_oom,task_memcg=/,task=hog,pid=102,uid=0\n";
    let report = "{\"schema\":1,\"id\":\"x\"}\n";
    let before = |line: &str| {
        let (head, tail) = console.split_once("[   29.638526] Kernel panic").unwrap();
        found(&[sent()], &format!("{head}{line}[   29.638526] Kernel panic{tail}"), false)
    };
    assert_eq!(before(""), [""; 0]);
    assert_eq!(before(killed), ["(outcome) kills"]);
    assert_eq!(before(chosen), ["(outcome) victim"]);
    assert_eq!(before(report), ["report"]);
}
