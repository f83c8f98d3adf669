use std::path::Path;

use oomtrace_common::{
    event::Exit,
    frame::Kind,
    layout::{ABSENT, KernelLayout},
};
use zerocopy::{FromZeros as _, IntoBytes as _};

use super::{Fault, FaultError, Rule};
use crate::{
    explain::{Code, Policy, Verdict, explain},
    frame::kernel_frame,
    incident::Incident,
    kernel::{
        btf::Btf,
        layout::{Resolved, resolve},
    },
};

fn resolved() -> Resolved {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/btf/7.3.btf");
    resolve(&Btf::read(&fixture).unwrap()).unwrap()
}

/// The slots in which two layouts differ, by their place.
fn differing(one: &KernelLayout, two: &KernelLayout) -> Vec<usize> {
    let slots =
        |layout: &KernelLayout| -> Vec<Vec<u8>> { layout.as_bytes().chunks(4).map(<[u8]>::to_vec).collect() };
    slots(one).iter().zip(slots(two)).enumerate().filter(|(_, (a, b))| *a != b).map(|(at, _)| at).collect()
}

fn verdict(code: Code, policy: Option<Policy>) -> Verdict {
    Verdict { code, policy, ..explain(&Incident::default()) }
}

#[test]
fn every_fault_is_read_as_it_is_written() {
    for text in ["layout:mem_cgroup_usage", "drop:KillProcess", "rule:memcg_limit", "rule:allocating_task"] {
        assert_eq!(Fault::parse(text).unwrap().to_string(), text);
    }
}

#[test]
fn anything_else_is_refused_in_words() {
    let wrong =
        ["", "layout", "layout:", "layout:no_such_slot", "drop:Session", "drop:kill", "rule:global", "x:y"];
    for text in wrong {
        assert_eq!(Fault::parse(text), None, "{text}");
    }
    let said = FaultError("rule:global".to_owned()).to_string();
    assert!(said.contains("OOMTRACE_FAULT=rule:global") && said.contains("layout:SLOT"), "{said}");
}

#[test]
fn one_slot_is_shifted_and_no_other() {
    let (whole, mut bent) = (resolved(), resolved());
    Fault::parse("layout:mem_cgroup_usage").unwrap().shift(&mut bent);
    assert_eq!(bent.layout.mem_cgroup_usage, whole.layout.mem_cgroup_usage + 8);
    assert_eq!(differing(&bent.layout, &whole.layout).len(), 1);
}

#[test]
fn what_a_kernel_lacks_stays_absent() {
    let mut bent = resolved();
    assert_eq!(bent.layout.arg_mark_victim_pid, ABSENT);
    Fault::parse("layout:arg_mark_victim_pid").unwrap().shift(&mut bent);
    assert_eq!(bent.layout.arg_mark_victim_pid, ABSENT);
}

#[test]
fn frames_of_one_kind_are_dropped() {
    let frame = kernel_frame(1, 2, &Exit::new_zeroed());
    assert!(Fault::Drop(Kind::Exit).drops(&frame));
    assert!(!Fault::Drop(Kind::KillProcess).drops(&frame));
    assert!(!Fault::Drop(Kind::Exit).drops(&frame[..8]) && !Fault::Rule(Rule::MemcgLimit).drops(&frame));
}

#[test]
fn a_rule_decides_the_other_way_round() {
    let inverted = |rule, mut verdict: Verdict| {
        Fault::Rule(rule).invert(&mut verdict);
        (verdict.code, verdict.policy)
    };
    let badness = || verdict(Code::MemcgLimit, Some(Policy::Badness));
    assert_eq!(inverted(Rule::MemcgLimit, badness()), (Code::Global, Some(Policy::Badness)));
    assert_eq!(inverted(Rule::AllocatingTask, badness()), (Code::MemcgLimit, Some(Policy::AllocatingTask)));
    let sysrq = || verdict(Code::Sysrq, None);
    assert_eq!(inverted(Rule::MemcgLimit, sysrq()), (Code::Sysrq, None));
    assert_eq!(inverted(Rule::AllocatingTask, sysrq()), (Code::Sysrq, None));
}
