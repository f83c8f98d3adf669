//! The replacement that keeps ids.

use aya::Endianness;

use super::fixture::btf;
use crate::kernel::btf::{Btf, Kind, masked};

const KEEP: [(Kind, &str); 4] = [
    (Kind::Func, "oom_kill_process"),
    (Kind::Func, "no_such_function"),
    (Kind::Typedef, "btf_trace_mark_victim"),
    (Kind::Struct, "task_struct"),
];

#[test]
fn keeps_only_named_types_with_their_ids() {
    let whole = btf("6.12");
    let small = Btf::parse(masked(&whole, &KEEP).unwrap()).unwrap();
    for (kind, name) in [KEEP[0], KEEP[2]] {
        let ids = |btf: &Btf| btf.find(kind, name).map(|found| found.id()).collect::<Vec<_>>();
        assert_eq!(ids(&small), ids(&whole), "{name}");
        assert_eq!(ids(&small).len(), 1, "{name}");
    }
    let others = (1..=small.count()).filter(|id| !small.type_at(*id).unwrap().name().is_empty());
    assert_eq!(others.count(), 2);
}

#[test]
fn aya_can_load_it() {
    let whole = btf("7.3");
    let small = aya::Btf::parse(&masked(&whole, &KEEP).unwrap(), Endianness::Little);
    assert!(small.is_ok());
}
