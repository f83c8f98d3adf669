//! The minutes before the decision, in the test's report.

use oomtrace::{
    account::Whole,
    lead_up::{Grower, GrownCgroup, LeadUp, Resident, Sample, Shape},
};

/// A history with every field known.
pub(super) fn lead_up() -> LeadUp {
    LeadUp {
        of: Whole::Cgroup,
        interval_ns: 1,
        history_ns: Some(1),
        growth_bytes: Some(1),
        since_ns: Some(1),
        bytes_per_second: Some(1),
        shape: Shape::Steady,
        victim_grew: Some(true),
        samples: vec![Sample {
            before_ns: 1,
            usage_bytes: Some(1),
            anon_bytes: Some(1),
            file_bytes: Some(1),
            shmem_bytes: Some(1),
            kernel_bytes: Some(1),
            swap_bytes: Some(1),
            refaults: Some(1),
            stall_permille: Some(1),
        }],
        growers: vec![Grower {
            pid: 1,
            comm: Some("comm".into()),
            cgroup: Some("/a".into()),
            start_boot_ns: Some(1),
            growth_bytes: 1,
            percent: 1,
            is_victim: true,
            samples: vec![Resident { before_ns: 1, bytes: 1 }],
        }],
        cgroups: vec![GrownCgroup { cgroup: "/a".into(), growth_bytes: 1, percent: 1 }],
    }
}

/// A history with almost no field known.
pub(super) fn empty_lead_up() -> LeadUp {
    let grower = Grower { comm: None, cgroup: None, start_boot_ns: None, ..lead_up().growers.remove(0) };
    LeadUp {
        history_ns: None,
        growth_bytes: None,
        since_ns: None,
        bytes_per_second: None,
        victim_grew: None,
        samples: vec![Sample::default()],
        growers: vec![grower],
        ..lead_up()
    }
}
