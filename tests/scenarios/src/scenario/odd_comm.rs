//! Names that try to break terminals, JSON and parsers: quotes, a backslash, a newline, escape sequences, bytes that are not
//! UTF-8. A cgroup's name can contain all of them except the newline and the slash.

use super::{Expect, Process, Scenario};

const COMM: &[u8] = b"h\"o\\g\n\xff\x1b[31m'";
const CGROUP: &[u8] = b"/odd\x1b[2J\x07\xff\"\\quote,task=x";

pub(super) fn scenario() -> Scenario {
    Scenario::new("odd_comm", Expect::memcg(CGROUP, "allocator"))
        .cgroup(CGROUP, &[("memory.max", "32M")])
        .process(Process::allocator("allocator", 96).comm(COMM).cgroup(CGROUP))
}
