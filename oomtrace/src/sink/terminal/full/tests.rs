use std::rc::Rc;

use super::Full;
use crate::{
    explain::{Outcome, Policy},
    incident::Role,
    kernel::tier::Tier,
    report::{EmptyPasses, Report},
    sink::{
        Sink,
        terminal::{example, sanitize::columns_of},
    },
};

fn printed(report: &Report, colour: bool) -> String {
    let mut output = Vec::new();
    let mut sink = Full::new(&mut output, colour);
    sink.decided(report).unwrap();
    sink.closed(report).unwrap();
    String::from_utf8(output).unwrap()
}

#[test]
fn shows_a_complete_memcg_kill() {
    assert_eq!(printed(&example::memcg_kill(), false), include_str!("memcg_kill.txt"));
}

#[test]
fn shows_a_kill_with_little_data() {
    let text = printed(&example::tracepoint_kill(), false);
    assert_eq!(text, include_str!("tracepoint_kill.txt"));
    assert!(!printed(&example::memcg_kill(), false).contains("not seen"));
}

#[test]
fn labels_memory_and_swap_figures_memsw() {
    let mut report = example::memcg_kill();
    let titles = |report: &Report| {
        let text = printed(report, false);
        text.lines()
            .find(|line| line.contains("oom.group"))
            .unwrap()
            .split_whitespace()
            .map(str::to_owned)
            .collect()
    };
    let v2: Vec<String> = titles(&report);
    assert_eq!(v2, ["usage", "max", "high", "swap", "swap", "max", "oom.group", "cgroup"]);
    report.domain.memsw = Some(true);
    let v1: Vec<String> = titles(&report);
    assert_eq!(v1, ["usage", "max", "high", "memsw", "memsw", "max", "oom.group", "cgroup"]);
    report.domain.chain.clear();
    assert!(printed(&report, false).contains("memsw 0 B, memsw max 0 B"));
}

#[test]
fn shows_no_remark_on_the_kprobe_tier() {
    let report = Report { tier: Some(Tier::Kprobe), ..example::memcg_kill() };
    assert!(!printed(&report, false).contains("does not see"));
}

#[test]
fn escapes_hostile_names() {
    let text = printed(&example::hostile_kill(), false);
    assert!(text.bytes().all(|byte| byte >= 0x20 && byte != 0x7f || byte == b'\n'), "{text:?}");
    assert!(!text.contains(['\u{9b}', '\u{202e}']), "{text:?}");
    assert_eq!(text.lines().count(), 38, "{text}");
    let cmdline = text.lines().find(|line| line.contains("cmdline")).unwrap();
    assert!(columns_of(cmdline) <= 322 && cmdline.ends_with('…'), "{cmdline}");
}

#[test]
fn limits_groups_and_shows_empty_passes() {
    let mut report = example::memcg_kill();
    report.selection.policy = Some(Policy::OomGroup);
    report.selection.outcome = Some(Outcome::GroupKilled);
    let mut member = report.victims[0].clone();
    (member.role, member.score) = (Role::Group, None);
    report.victims.extend(vec![member; 69]);
    report.empty_passes = Some(EmptyPasses { count: 2_341, last_ns: 12_000_000 });
    let text = printed(&report, false);
    assert!(text.contains("victims 70, tasks examined 3"), "{text}");
    assert!(text.contains("and 6 more (--format json has all of them)"), "{text}");
    assert!(text.contains("passes that killed no process: 2 341, the last +12.0 ms"), "{text}");
    assert_eq!(text.lines().filter(|line| line.contains("then ")).count(), 4, "{text}");
}

#[test]
fn shows_a_few_figures_of_the_domain() {
    let holds = |stat: &[(&str, u64)]| {
        let mut report = example::memcg_kill();
        let named = stat.iter().map(|(name, bytes)| ((*name).to_owned(), *bytes));
        report.domain.memory_stat = Some(Rc::new(named.collect()));
        let text = printed(&report, false);
        text.lines()
            .find_map(|line| line.trim_start().strip_prefix("holds"))
            .map(|line| line.trim().to_owned())
    };
    let v2 =
        [("anon", 1 << 20), ("file", 0), ("pgfault", 9), ("shmem", 30 << 20), ("slab", 2048), ("kernel", 1)];
    let expected =
        "anon 1.0 MiB, file 0 B, shmem 30.0 MiB, kernel 1 B, slab 2.0 KiB (memory.stat, read right after)";
    assert_eq!(holds(&v2).as_deref(), Some(expected));
    let v1 = [("rss", 0), ("total_rss", 1 << 20), ("cache", 4096)];
    let expected = "rss 1.0 MiB, cache 4.0 KiB (memory.stat, read right after)";
    assert_eq!(holds(&v1).as_deref(), Some(expected), "with the cgroups below");
    assert_eq!(holds(&[("pgfault", 9)]), None);
}

#[test]
fn shows_victims_that_died_with_an_init() {
    let mut report = example::memcg_kill();
    let mut along = report.victims[0].clone();
    (along.role, along.score, along.memory) = (Role::PidNamespace, None, None);
    along.process.comm = Some("sleep".into());
    report.victims.push(along);
    let text = printed(&report, false);
    let line = "victim      sleep: pid_namespace (died with the init of its pid namespace)\n";
    assert!(text.contains(line), "{text}");
}

#[test]
fn shows_a_decision_without_a_kill() {
    let mut report = example::memcg_kill();
    report.victims.clear();
    report.trigger = None;
    report.selection.outcome = Some(Outcome::NoKill);
    let text = printed(&report, false);
    assert!(text.contains("trigger     -\n") && text.contains("victim      -\n"), "{text}");
    assert!(text.contains("no process was killed; victims 0"), "{text}");
}

#[test]
fn derives_the_page_size_from_the_figures() {
    let mut report = example::memcg_kill();
    assert_eq!(report.page_bytes(), Some(4096));
    let memory = report.victims[0].memory.as_mut().unwrap();
    (memory.anon_rss_bytes, memory.pgtables_bytes) = (15_800 * 65_536, 92 * 65_536);
    assert_eq!(report.page_bytes(), Some(65_536));
    report.victims[0].score.as_mut().unwrap().base_pages = Some(0);
    assert_eq!(report.page_bytes(), None);
    assert_eq!(example::tracepoint_kill().page_bytes(), None);
}

#[test]
fn colors_only_on_request_and_reports_a_failing_output() {
    let text = printed(&example::memcg_kill(), true);
    assert!(text.starts_with("\x1b[1m/kubepods") && text.contains("\x1b[31mpython3\x1b[0m"), "{text:?}");
    let plain = text.replace("\x1b[1m", "").replace("\x1b[31m", "").replace("\x1b[0m", "");
    assert_eq!(plain, printed(&example::memcg_kill(), false));
    assert!(Full::new(example::Broken, false).closed(&example::memcg_kill()).is_err());
}

#[test]
fn account_shows_what_reclaim_and_a_kill_can_free() {
    assert_eq!(printed(&example::tmpfs_kill(), false), include_str!("tmpfs_kill.txt"));
}

#[test]
fn zones_show_why_free_memory_did_not_help() {
    assert_eq!(printed(&example::movable_kill(), false), include_str!("movable_kill.txt"));
}

#[test]
fn escapes_hostile_names_in_the_account() {
    let mut report = example::movable_kill();
    let hostile = "\u{1b}[2J\n\u{202e}";
    report.machine.as_mut().unwrap().zones[0].name = hostile.to_owned();
    report.machine.as_mut().unwrap().slabs.as_mut().unwrap()[0].name = hostile.to_owned();
    report.account.as_mut().unwrap().reasons[0].text = hostile.to_owned();
    let lines = printed(&example::movable_kill(), false).lines().count();
    let text = printed(&report, false);
    assert!(text.bytes().all(|byte| byte >= 0x20 || byte == b'\n') && !text.contains('\u{202e}'), "{text:?}");
    assert_eq!(text.lines().count(), lines);
}
