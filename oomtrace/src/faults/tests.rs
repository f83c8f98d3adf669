use oomtrace_common::{event::Exit, frame::Kind};
use zerocopy::FromZeros as _;

use super::{Fault, FaultError, Rule};
use crate::{frame::kernel_frame, kernel::fault::slot_named};

fn parse(text: &str) -> Option<Fault> {
    Fault::parse(text, slot_named)
}

#[test]
fn parses_every_fault() {
    for text in ["layout:mem_cgroup_usage", "drop:KillProcess", "rule:memcg_limit", "rule:allocating_task"] {
        assert_eq!(parse(text).unwrap().to_string(), text);
    }
}

#[test]
fn rejects_any_other_value() {
    let wrong =
        ["", "layout", "layout:", "layout:no_such_slot", "drop:Session", "drop:kill", "rule:global", "x:y"];
    for text in wrong {
        assert_eq!(parse(text), None, "{text}");
    }
    let said = FaultError("rule:global".to_owned()).to_string();
    assert!(said.contains("OOMTRACE_FAULT=rule:global") && said.contains("layout:SLOT"), "{said}");
}

#[test]
fn drops_frames_of_one_kind() {
    let frame = kernel_frame(1, 2, &Exit::new_zeroed());
    assert!(Fault::Drop(Kind::Exit).drops(&frame));
    assert!(!Fault::Drop(Kind::KillProcess).drops(&frame));
    assert!(!Fault::Drop(Kind::Exit).drops(&frame[..8]) && !Fault::Rule(Rule::MemcgLimit).drops(&frame));
}
