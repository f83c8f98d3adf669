//! Every slot on every fixture, and on kernels that differ from the known ones.

use std::collections::BTreeSet;

use oomtrace_common::layout::{ABSENT, KernelLayout, SLOTS};
use zerocopy::IntoBytes as _;

use super::fixture::{KERNELS, Sketch, btf, expected, renamed, renamed_all, with_twin};
use crate::kernel::{
    btf::Kind,
    layout::{self, Finding, LayoutError, Resolved, resolve},
    require,
};

fn finding<'a>(resolved: &'a Resolved, slot: &str) -> &'a Finding {
    resolved.findings.iter().find(|finding| finding.slot == slot).unwrap()
}

/// The slot that was rejected.
fn refused(kernel: &crate::kernel::btf::Btf) -> (&'static str, String) {
    match resolve(kernel).unwrap_err() {
        LayoutError::Missing { slot, tried } => (slot, tried),
        LayoutError::Btf(error) => panic!("{error}"),
    }
}

#[test]
fn requires_every_slot_exactly_once() {
    let slots: Vec<usize> = require::all().map(|requirement| requirement.slot).collect();
    let distinct: BTreeSet<usize> = slots.iter().copied().collect();
    assert_eq!(slots.len(), SLOTS);
    assert_eq!(distinct, (0..SLOTS).map(|slot| slot * 4).collect());
    assert!(require::all().all(|requirement| !requirement.places.is_empty()));
}

#[test]
fn resolves_every_slot_of_every_kernel() {
    for kernel in KERNELS {
        let resolved = resolve(&btf(kernel)).unwrap();
        let expected = expected(kernel);
        assert_eq!(expected.len(), SLOTS);
        for (slot, value) in expected {
            assert_eq!(finding(&resolved, &slot).value, value, "{slot} of {kernel}");
        }
    }
}

#[test]
fn layout_equals_the_findings() {
    for kernel in KERNELS {
        let resolved = resolve(&btf(kernel)).unwrap();
        let layout = resolved.layout.as_bytes().as_chunks::<4>().0;
        for requirement in require::all() {
            let value = u32::from_ne_bytes(layout[requirement.slot / 4]);
            let found = finding(&resolved, requirement.name);
            assert_eq!(value, found.value.unwrap_or(ABSENT), "{} of {kernel}", requirement.name);
            assert_eq!(found.absent_because.is_none(), found.value.is_some());
            assert_eq!(found.spelling.is_some(), found.value.is_some());
        }
    }
}

#[test]
fn finds_a_renamed_field_by_either_name() {
    let spelling =
        |kernel| finding(&resolve(&btf(kernel)).unwrap(), "kernfs_node_parent").spelling.clone().unwrap();
    assert_eq!(spelling("6.12"), "kernfs_node.parent");
    assert_eq!(spelling("6.18"), "kernfs_node.__parent");
}

#[test]
fn reads_a_retyped_field_by_its_type() {
    let rss = |kernel| {
        let resolved = resolve(&btf(kernel)).unwrap();
        let spelling = finding(&resolved, "mm_struct_rss_anon").spelling.clone().unwrap();
        (spelling, resolved.layout.mm_struct_rss_anon, resolved.layout.mm_struct_rss_percpu)
    };
    assert_eq!(rss("6.1"), ("mm_struct.rss_stat.count[MM_ANONPAGES].counter".to_owned(), 728, ABSENT));
    assert_eq!(rss("6.12"), ("mm_struct.rss_stat[MM_ANONPAGES].count".to_owned(), 872, 24));
}

#[test]
fn finds_a_task_or_a_pid_in_mark_victim() {
    let arguments = |kernel| {
        let layout = resolve(&btf(kernel)).unwrap().layout;
        (layout.arg_mark_victim_task, layout.arg_mark_victim_pid)
    };
    assert_eq!(arguments("5.10"), (ABSENT, 0));
    assert_eq!(arguments("6.1"), (0, ABSENT));
    assert_eq!(arguments("7.3"), (0, ABSENT));
}

#[test]
fn reports_the_name_of_a_missing_required_field() {
    let (slot, tried) = refused(&renamed("6.12", "oom_score_adj", "oom_score_abj"));
    assert_eq!(slot, "signal_struct_oom_score_adj");
    assert_eq!(tried, "`signal_struct` has no member `oom_score_adj`");
}

#[test]
fn reports_all_spellings_that_were_tried() {
    let (slot, tried) = refused(&renamed("6.18", "__parent", "ancestor"));
    assert_eq!(slot, "kernfs_node_parent");
    let both = "`kernfs_node` has no member `__parent`; `kernfs_node` has no member `parent`";
    assert_eq!(tried, both);
}

#[test]
fn rejects_another_type_for_a_required_field() {
    // The name is moved from the s16 to the bool before it.
    let swapped =
        renamed_all("6.12", &[("oom_score_adj", "oom_score"), ("oom_flag_origin", "oom_score_adj")]);
    let (slot, tried) = refused(&swapped);
    assert_eq!(slot, "signal_struct_oom_score_adj");
    let found = "is an unsigned 1-byte integer, where a signed 2-byte integer is called for";
    assert_eq!(tried, format!("`signal_struct.oom_score_adj` {found}"));
}

#[test]
fn rejects_wrong_size_or_sign() {
    let mut sketch = Sketch::new();
    let wide = sketch.int("long int", 8, true);
    let unsigned = sketch.int("unsigned int", 4, false);
    sketch.group(Kind::Struct, "task_struct", 16, &[("flags", wide, 0), ("pid", unsigned, 64)]);
    let (slot, tried) = refused(&sketch.btf());
    assert_eq!(slot, "task_struct_flags");
    assert_eq!(
        tried,
        "`task_struct.flags` is a signed 8-byte integer, where an unsigned 4-byte integer is called for"
    );
}

#[test]
fn keeps_a_missing_optional_field_absent() {
    let resolved = resolve(&renamed("6.12", "oom_group", "oom_crowd")).unwrap();
    assert_eq!(resolved.layout.mem_cgroup_oom_group, ABSENT);
    let found = finding(&resolved, "mem_cgroup_oom_group");
    assert!(!found.required);
    assert_eq!(found.absent_because.as_deref(), Some("`mem_cgroup` has no member `oom_group`"));
}

#[test]
fn keeps_the_result_of_a_missing_function_absent() {
    let resolved = resolve(&renamed("6.12", "mem_cgroup_get_oom_group", "mem_cgroup_get_oom_other")).unwrap();
    assert_eq!(resolved.layout.arg_get_oom_group_ret, ABSENT);
    let found = finding(&resolved, "arg_get_oom_group_ret");
    assert_eq!(found.absent_because.as_deref(), Some("there is no function `mem_cgroup_get_oom_group`"));
}

/// This is the case on 5.10 for arm64.
#[test]
fn uses_source_positions_for_static_functions_without_btf() {
    let names = [
        ("oom_evaluate_task", "oom_evaluate_other"),
        ("__oom_kill_process", "__oom_kill_other"),
        ("oom_kill_process", "oom_kill_other"),
    ];
    let resolved = resolve(&renamed_all("5.10", &names)).unwrap();
    let layout = &resolved.layout;
    assert_eq!([layout.arg_evaluate_task_task, layout.arg_kill_process_victim], [0, 0]);
    assert_eq!([layout.arg_oom_kill_process_oc, layout.arg_oom_kill_process_message], [0, 1]);
    let spelling = finding(&resolved, "arg_oom_kill_process_message").spelling.as_deref();
    assert_eq!(spelling, Some("oom_kill_process(message), #1 in the source"));
}

#[test]
fn finds_parameters_by_name_and_not_by_position() {
    let resolved = resolve(&renamed("6.12", "message", "reason")).unwrap();
    assert_eq!(resolved.layout.arg_oom_kill_process_message, ABSENT);
    assert_eq!(resolved.layout.arg_oom_kill_process_oc, 0);
}

#[test]
fn finds_unnamed_parameters_by_type() {
    let resolved = resolve(&renamed("6.12", "message", "")).unwrap();
    assert_eq!(resolved.layout.arg_oom_kill_process_message, 1);
}

#[test]
fn accepts_a_kernel_without_memory_cgroups() {
    let resolved = resolve(&renamed("6.12", "mem_cgroup", "no_cgroup")).unwrap();
    assert_eq!(resolved.layout.mem_cgroup_usage, ABSENT);
    assert!(!finding(&resolved, "mem_cgroup_usage").required);
    assert!(finding(&resolve(&btf("6.12")).unwrap(), "mem_cgroup_usage").required);
}

#[test]
fn keeps_tracepoints_if_the_decision_cannot_be_read() {
    let resolved = resolve(&renamed("6.12", "chosen_points", "chosen_score")).unwrap();
    assert_eq!(resolved.decision_missing().unwrap().slot, "oom_control_chosen_points");
    assert_eq!(resolve(&btf("6.12")).unwrap().decision_missing(), None);
}

#[test]
fn rejects_two_definitions_that_disagree() {
    let tgid = resolve(&btf("6.12")).unwrap().layout.task_struct_tgid;
    assert_eq!(
        resolve(&with_twin("6.12", "task_struct", "tgid", tgid * 8)).unwrap().layout.task_struct_tgid,
        tgid
    );
    let (slot, tried) = refused(&with_twin("6.12", "task_struct", "tgid", 64));
    assert_eq!(slot, "task_struct_tgid");
    assert!(tried.contains("two definitions of `task_struct.tgid` that disagree"), "{tried}");
}

#[test]
fn accepts_a_value_from_tracefs() {
    let mut resolved = resolve(&btf("6.12")).unwrap();
    assert_eq!(resolved.layout.event_mark_victim_pid, ABSENT);
    assert!(resolved.place("event_mark_victim_pid", 8, "oom/mark_victim/format pid"));
    assert_eq!(resolved.layout.event_mark_victim_pid, 8);
    assert_eq!(finding(&resolved, "event_mark_victim_pid").value, Some(8));
    assert!(!resolved.place("no_such_slot", 8, ""));
    let KernelLayout { task_struct_pid, .. } = resolved.layout;
    assert_eq!(task_struct_pid, 2432);
}

/// No kernel has the field yet, so it is laid out here as proposed.
#[test]
fn finds_the_mark_of_bpf_programs() {
    let name = "oom_control_bpf_memory_freed";
    let requirement = require::all().find(|requirement| requirement.name == name).unwrap();
    let mut sketch = Sketch::new();
    let bool = sketch.int("_Bool", 1, false);
    sketch.group(Kind::Struct, "oom_control", 72, &[("bpf_memory_freed", bool, 60 * 8)]);
    let btf = sketch.btf();
    assert_eq!(layout::find(&btf, requirement).unwrap().value, Some(60));
}
