use super::{Count, Pair, Spread, Tally, compare};
use crate::{
    account::Whole,
    explain::Outcome,
    incident::Role,
    lead_up::{LeadUp, Shape},
    report::Report,
    sink::terminal::example,
};

fn tally(reports: &[Report]) -> Tally {
    let mut tally = Tally::default();
    reports.iter().for_each(|report| tally.add(report));
    tally
}

/// Builds a kill of two processes. The kernel chose only one of them.
fn group_kill() -> Report {
    let mut report = example::memcg_kill();
    report.selection.outcome = Some(Outcome::GroupKilled);
    let mut other = report.victims[0].clone();
    other.role = Role::Group;
    other.process.comm = Some("bystander".into());
    other.aftermath.exit_ns = Some(77_000_000);
    other.aftermath.reap_end_ns = Some(70_000_000);
    report.victims.push(other);
    report
}

#[test]
fn counts_victims_causes_collateral_and_recovery_of_both_recordings() {
    let one = example::memcg_kill();
    let resident = one.victims[0].memory.unwrap().resident_bytes();
    let exit_ns = one.victims[0].aftermath.exit_ns.unwrap();
    let diff = compare(tally(&[one.clone(), one]), tally(&[group_kill(), example::tracepoint_kill()]));
    assert_eq!(diff.incidents, Pair { a: 2, b: 2 });
    assert_eq!((diff.victims, diff.collateral), (Pair { a: 2, b: 3 }, Pair { a: 0, b: 1 }));
    assert_eq!(diff.incomplete, Pair { a: 0, b: 1 });
    assert_eq!(diff.resident_bytes, Pair { a: 2 * resident, b: 2 * resident });
    assert_eq!(diff.collateral_resident_bytes, Pair { a: 0, b: resident });
    assert_eq!(diff.recovery.a.unwrap().median_ns, exit_ns);
    // The reaper freed the last victim's memory before the victim exited. The recovery of the other kill is not known.
    assert_eq!(diff.recovery.b.map(|spread| (spread.count, spread.max_ns)), Some((1, 70_000_000)));
    assert_eq!(diff.causes, [Count { name: Some("memcg_limit".into()), a: 2, b: 2 }]);
    let comms: Vec<(&[u8], u64, u64)> =
        diff.comms.iter().map(|count| (count.name.as_ref().unwrap().as_bytes(), count.a, count.b)).collect();
    assert_eq!(comms, [(&b"python3"[..], 2, 1), (b"bystander", 0, 1), (b"hog", 0, 1)]);
}

#[test]
fn compares_empty_recordings() {
    let diff = compare(Tally::default(), Tally::default());
    assert_eq!((diff.incidents, diff.recovery), (Pair { a: 0, b: 0 }, Pair { a: None, b: None }));
    assert!(diff.causes.is_empty() && diff.cgroups.is_empty());
}

#[test]
fn percentiles_are_measured_durations() {
    let spread = Spread::of((1..=200).rev().collect()).unwrap();
    assert_eq!(
        [spread.count, spread.min_ns, spread.median_ns, spread.p99_ns, spread.max_ns],
        [200, 1, 100, 198, 200]
    );
    let one = Spread::of(vec![7]).unwrap();
    assert_eq!([one.min_ns, one.median_ns, one.p99_ns, one.max_ns], [7; 4]);
}

#[test]
fn counts_growth_shapes_and_victims_that_had_not_grown() {
    let led_up = |shape, victim_grew| {
        let mut report = example::memcg_kill();
        report.lead_up = Some(LeadUp {
            of: Whole::Cgroup,
            interval_ns: 1,
            history_ns: None,
            growth_bytes: None,
            since_ns: None,
            bytes_per_second: None,
            shape,
            victim_grew,
            samples: Vec::new(),
            growers: Vec::new(),
            cgroups: Vec::new(),
        });
        report
    };
    let a = [led_up(Shape::Steady, Some(true)), led_up(Shape::Steady, Some(false))];
    let b = [led_up(Shape::Sudden, None), example::memcg_kill()];
    let diff = compare(tally(&a), tally(&b));
    assert_eq!(diff.victim_had_not_grown, Pair { a: 1, b: 0 });
    let count = |name: Option<&str>, a, b| Count { name: name.map(Into::into), a, b };
    assert_eq!(diff.shapes, [count(Some("steady"), 2, 0), count(None, 0, 1), count(Some("sudden"), 0, 1)]);
}
