use oomtrace_common::{event::Exit, frame::Kind};
use zerocopy::FromZeros as _;

use super::{Fault, FaultError, Rule};
use crate::{frame::kernel_frame, kernel::fault::slot_named};

fn parse(text: &str) -> Option<Fault> {
    Fault::parse(text, slot_named)
}

#[test]
fn every_fault_is_read_as_it_is_written() {
    for text in ["layout:mem_cgroup_usage", "drop:KillProcess", "rule:memcg_limit", "rule:allocating_task"] {
        assert_eq!(parse(text).unwrap().to_string(), text);
    }
}

#[test]
fn anything_else_is_refused_in_words() {
    let wrong =
        ["", "layout", "layout:", "layout:no_such_slot", "drop:Session", "drop:kill", "rule:global", "x:y"];
    for text in wrong {
        assert_eq!(parse(text), None, "{text}");
    }
    let said = FaultError("rule:global".to_owned()).to_string();
    assert!(said.contains("OOMTRACE_FAULT=rule:global") && said.contains("layout:SLOT"), "{said}");
}

#[test]
fn frames_of_one_kind_are_dropped() {
    let frame = kernel_frame(1, 2, &Exit::new_zeroed());
    assert!(Fault::Drop(Kind::Exit).drops(&frame));
    assert!(!Fault::Drop(Kind::KillProcess).drops(&frame));
    assert!(!Fault::Drop(Kind::Exit).drops(&frame[..8]) && !Fault::Rule(Rule::MemcgLimit).drops(&frame));
}
