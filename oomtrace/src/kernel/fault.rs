//! Makes the layout wrong on purpose. Only the tests' own build contains this module.

use super::{layout::Resolved, require};

/// The slot with this name.
pub(crate) fn slot_named(name: &str) -> Option<&'static str> {
    require::all().map(|slot| slot.name).find(|slot| *slot == name)
}

/// Shifts an offset by this many bytes, if the kernel has it.
pub(super) fn shift(resolved: &mut Resolved, slot: &str, bytes: u32) {
    let found = resolved.findings.iter().find(|finding| finding.slot == slot);
    if let Some(offset) = found.and_then(|finding| finding.value) {
        resolved.place(slot, offset + bytes, "wrong on purpose");
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use oomtrace_common::layout::{ABSENT, KernelLayout};
    use zerocopy::IntoBytes as _;

    use super::shift;
    use crate::kernel::{
        btf::Btf,
        layout::{Resolved, resolve},
    };

    fn resolved() -> Resolved {
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/btf/7.3.btf");
        resolve(&Btf::read(&fixture).unwrap()).unwrap()
    }

    /// The slots in which two layouts differ, by index.
    fn differing(one: &KernelLayout, two: &KernelLayout) -> Vec<usize> {
        let slots = |layout: &KernelLayout| -> Vec<Vec<u8>> {
            layout.as_bytes().chunks(4).map(<[u8]>::to_vec).collect()
        };
        slots(one)
            .iter()
            .zip(slots(two))
            .enumerate()
            .filter(|(_, (a, b))| *a != b)
            .map(|(at, _)| at)
            .collect()
    }

    #[test]
    fn shifts_one_slot_and_no_other() {
        let (whole, mut bent) = (resolved(), resolved());
        shift(&mut bent, "mem_cgroup_usage", 8);
        assert_eq!(bent.layout.mem_cgroup_usage, whole.layout.mem_cgroup_usage + 8);
        assert_eq!(differing(&bent.layout, &whole.layout).len(), 1);
    }

    #[test]
    fn keeps_missing_fields_absent() {
        let mut bent = resolved();
        assert_eq!(bent.layout.arg_mark_victim_pid, ABSENT);
        shift(&mut bent, "arg_mark_victim_pid", 8);
        assert_eq!(bent.layout.arg_mark_victim_pid, ABSENT);
    }
}
