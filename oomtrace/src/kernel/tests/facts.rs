//! Facts from fixtures, and masks compared with lines of real logs.

use super::fixture::{KERNELS, Sketch, btf};
use crate::kernel::facts::{Constraint, GfpBit, GfpNaming, KernelFacts, gfp_names};

fn facts(kernel: &str) -> KernelFacts {
    KernelFacts::read(&btf(kernel)).unwrap()
}

fn names(mask: u64, kernel: &str) -> String {
    gfp_names(mask, &facts(kernel)).join("|")
}

#[test]
fn numbers_constraints_by_name() {
    for kernel in KERNELS {
        let constraint = facts(kernel).constraint;
        assert_eq!(constraint.meaning(0), Some(Constraint::None), "{kernel}");
        assert_eq!(constraint.meaning(constraint.cpuset), Some(Constraint::Cpuset), "{kernel}");
        assert_eq!(constraint.meaning(2), Some(Constraint::MemoryPolicy), "{kernel}");
        assert_eq!(constraint.meaning(3), Some(Constraint::Memcg), "{kernel}");
        assert_eq!(constraint.meaning(4), None, "{kernel}");
    }
}

#[test]
fn rejects_a_kernel_without_constraints() {
    let error = KernelFacts::read(&Sketch::new().btf()).unwrap_err().to_string();
    assert_eq!(error, "there is no enumerator `oom_constraint:CONSTRAINT_NONE`");
}

#[test]
fn reads_bits_from_enumerators_since_6_9() {
    for (kernel, naming) in [
        ("5.10", GfpNaming::Macros),
        ("6.1", GfpNaming::Macros),
        ("6.12", GfpNaming::Enumerators),
        ("7.3", GfpNaming::Enumerators),
    ] {
        assert_eq!(facts(kernel).gfp_naming, naming, "{kernel}");
    }
}

#[test]
fn names_masks_as_the_log_of_every_kernel() {
    for kernel in KERNELS {
        for (mask, text) in [
            (0xcc0, "GFP_KERNEL"),
            (0x400cc0, "GFP_KERNEL_ACCOUNT"),
            (0x100cca, "GFP_HIGHUSER_MOVABLE"),
            (0x140cca, "GFP_HIGHUSER_MOVABLE|__GFP_COMP"),
            (0x100cc2, "GFP_HIGHUSER"),
            (0x100cc0, "GFP_USER"),
            (0xdc0, "GFP_KERNEL|__GFP_ZERO"),
            (0x40cc0, "GFP_KERNEL|__GFP_COMP"),
            (0x1c20ca, "GFP_TRANSHUGE_LIGHT"),
            (0x1c24ca, "GFP_TRANSHUGE"),
            (0xc40, "GFP_NOFS"),
            (0xc00, "GFP_NOIO"),
            (0x400c40, "GFP_NOFS|__GFP_ACCOUNT"),
            (0, ""),
        ] {
            assert_eq!(names(mask, kernel), text, "{mask:#x} of {kernel}");
        }
    }
}

#[test]
fn names_changed_composites_as_each_kernel() {
    assert_eq!(names(0xa20, "5.10"), "GFP_ATOMIC");
    assert_eq!(names(0x820, "7.3"), "GFP_ATOMIC");
    assert_eq!(names(0x800, "5.10"), "GFP_NOWAIT");
    assert_eq!(names(0x2800, "7.3"), "GFP_NOWAIT");
    assert_eq!(names(0x800, "7.3"), "__GFP_KSWAPD_RECLAIM");
}

#[test]
fn orders_single_flags_as_each_kernel() {
    assert_eq!(names(0x4_0100, "5.10"), "__GFP_COMP|__GFP_ZERO");
    assert_eq!(names(0x4_0100, "7.3"), "__GFP_ZERO|__GFP_COMP");
}

#[test]
fn joins_unnamed_bits_in_one_number() {
    assert_eq!(names(0x8100_0cc0, "5.10"), "GFP_KERNEL|0x81000000");
    assert_eq!(names(0xc000_0cc0, "7.3"), "GFP_KERNEL|0xc0000000");
}

#[test]
fn ignores_a_bit_beyond_any_mask() {
    let mut broken = facts("7.3");
    broken.gfp_bits.push(GfpBit { bit: 200, name: "__GFP_FAR".to_owned() });
    assert_eq!(gfp_names(0xcc0, &broken), ["GFP_KERNEL"]);
}

#[test]
fn facts_survive_a_recording() {
    let facts = facts("7.3");
    let text = serde_json::to_string(&facts).unwrap();
    assert_eq!(serde_json::from_str::<KernelFacts>(&text).unwrap(), facts);
}

#[test]
fn keeps_the_last_name_before_the_end_of_an_enum() {
    let types = |kernel: &str| facts(kernel).memory.migratetype;
    assert_eq!(types("7.3").iter().position(|name| name == "MIGRATE_CMA"), Some(4));
    for kernel in KERNELS {
        assert!(types(kernel).contains(&"MIGRATE_HIGHATOMIC".to_owned()), "{kernel}");
        assert!(types(kernel).iter().all(|name| !name.starts_with("__")), "{kernel}: {:?}", types(kernel));
    }
}
