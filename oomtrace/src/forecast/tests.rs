use super::{Forecast, forecast};
use crate::lead_up::curve::Point;

const SECOND: u64 = 1_000_000_000;
const MIB: u64 = 1 << 20;

/// Builds points from tenths of seconds and MiB.
fn curve(points: &[(u64, u64)]) -> Vec<Point> {
    let point = |(tenths, mib): &(u64, u64)| Point { at_ns: tenths * SECOND / 10, bytes: mib * MIB };
    points.iter().map(point).collect()
}

fn left(points: &[(u64, u64)], capacity_mib: u64) -> Option<u64> {
    forecast(&curve(points), capacity_mib * MIB).map(|found| found.left_ns / SECOND)
}

#[test]
fn computes_the_time_left_from_the_room_and_the_rate() {
    let points = curve(&[(100, 10), (150, 60), (200, 110), (250, 160)]);
    let expected = Forecast {
        left_ns: 4 * SECOND,
        bytes_per_second: 10 * MIB,
        over_ns: 15 * SECOND,
        held_bytes: 160 * MIB,
        capacity_bytes: 200 * MIB,
    };
    assert_eq!(forecast(&points, 200 * MIB), Some(expected));
    assert_eq!(forecast(&points, 100 * MIB).map(|found| found.left_ns), Some(0), "there is no room");
}

#[test]
fn ignores_samples_before_the_growth() {
    let plateau = [(0, 100), (50, 100), (100, 100), (150, 100), (200, 100)];
    let growth = [(250, 110), (300, 120), (350, 130)];
    assert_eq!(left(&[&plateau[..], &growth[..]].concat(), 170), Some(20));
}

#[test]
fn uses_the_present_rate() {
    // The curve grows by 1 MiB/s for 25 s and then by 20 MiB/s.
    let slow = (0..6).map(|step| (step * 50, 10 + step * 5));
    let fast = (1..8).map(|step| (250 + step * 10, 35 + step * 20));
    assert_eq!(left(&slow.chain(fast).collect::<Vec<_>>(), 375), Some(10));
}

#[test]
fn gives_no_forecast_unless_memory_rises_in_a_straight_line() {
    assert_eq!(left(&[(0, 10), (50, 10), (100, 10)], 20), None, "it is flat");
    assert_eq!(left(&[(0, 90), (50, 60), (100, 30)], 100), None, "it falls");
    assert_eq!(left(&[(0, 10), (50, 90), (100, 20), (150, 80)], 100), None, "it goes up and down");
    assert_eq!(left(&[(0, 10), (50, 60), (100, 110), (150, 110), (200, 110)], 120), None, "it has ended");
    assert_eq!(left(&[(0, 10), (100, 60)], 100), None, "two points are always on a line");
    assert_eq!(left(&[(0, 10), (2, 20), (4, 30)], 100), None, "the time is too short");
    assert_eq!(left(&[], 100), None);
}

#[test]
fn reads_damaged_curves() {
    let point = |at_ns, bytes| Point { at_ns, bytes };
    let odd = [point(u64::MAX, u64::MAX), point(0, 0), point(5, u64::MAX), point(u64::MAX, 7)];
    for capacity in [0, 1, u64::MAX] {
        let _ = forecast(&odd, capacity);
    }
    let slow = [point(0, 0), point(u64::MAX / 2, MIB), point(u64::MAX, 2 * MIB)];
    assert_eq!(forecast(&slow, u64::MAX), None, "all of it is older than a minute");
}
