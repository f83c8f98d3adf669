//! Detects when a domain approaches its limit, and reports each approach once.

use crate::forecast::Forecast;

/// An approach is over if no forecast has pointed to a shortage for this long, ns.
const QUIET_NS: u64 = 60_000_000_000;

/// An approach is also over if held memory has fallen by this fraction of the capacity: one part in `FALL_SHARE`.
const FALL_SHARE: u64 = 10;

/// A rate is extrapolated to at most this many times the time over which it was measured.
const REACH: u64 = 20;

/// An approach that was announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Approach {
    /// The last time at which the approach continued.
    last_ns: u64,
    held_bytes: u64,
}

/// The facts about a domain at one time.
#[derive(Clone, Copy, Debug)]
pub(super) struct State {
    pub(super) now_ns: u64,
    pub(super) held_bytes: u64,
    pub(super) capacity_bytes: u64,
    pub(super) forecast: Option<Forecast>,
}

/// Updates the approach with the present state. Returns whether an approach begins, which is then announced.
pub(super) fn begins(approach: &mut Option<Approach>, state: &State, horizon_ns: u64) -> bool {
    if let Some(known) = approach {
        let fallen = known.held_bytes.saturating_sub(state.held_bytes);
        let goes_on = state.forecast.is_some_and(|found| found.left_ns <= horizon_ns.saturating_mul(2));
        if goes_on {
            known.last_ns = state.now_ns;
        }
        let is_quiet = state.now_ns.saturating_sub(known.last_ns) > QUIET_NS;
        if is_quiet || fallen > state.capacity_bytes / FALL_SHARE {
            *approach = None;
        }
        return false;
    }
    let is_near = |found: &Forecast| {
        found.left_ns <= horizon_ns && found.left_ns <= found.over_ns.saturating_mul(REACH)
    };
    let begins = state.forecast.as_ref().is_some_and(is_near);
    if begins {
        *approach = Some(Approach { last_ns: state.now_ns, held_bytes: state.held_bytes });
    }
    begins
}

#[cfg(test)]
mod tests {
    use super::{State, begins};
    use crate::forecast::Forecast;

    const SECOND: u64 = 1_000_000_000;
    const HORIZON: u64 = 60 * SECOND;

    /// A state at a time in seconds, with `held` percent held and `left` seconds left.
    fn state(second: u64, held: u64, left: Option<u64>) -> State {
        let forecast = left.map(|left| Forecast {
            left_ns: left * SECOND,
            bytes_per_second: 1,
            over_ns: 10 * SECOND,
            held_bytes: held,
            capacity_bytes: 100,
        });
        State { now_ns: second * SECOND, held_bytes: held, capacity_bytes: 100, forecast }
    }

    fn said(states: &[State]) -> Vec<u64> {
        let mut approach = None;
        let due = states.iter().filter(|state| begins(&mut approach, state, HORIZON));
        due.map(|state| state.now_ns / SECOND).collect()
    }

    #[test]
    fn announces_an_approach_once() {
        let states = [(0, 40, 80), (5, 45, 59), (10, 50, 54), (15, 50, 70), (20, 55, 50), (69, 99, 1)];
        assert_eq!(said(&states.map(|(second, held, left)| state(second, held, Some(left)))), [5]);
    }

    #[test]
    fn announces_the_next_approach_after_a_kill() {
        let states = [state(0, 80, Some(20)), state(20, 5, None), state(25, 10, Some(50))];
        assert_eq!(said(&states), [0, 25]);
    }

    #[test]
    fn announces_the_next_approach_after_a_quiet_minute() {
        let quiet = |last| {
            [state(0, 80, Some(20)), state(30, 81, None), state(last, 81, None), state(70, 82, Some(9))]
        };
        assert_eq!((said(&quiet(59)), said(&quiet(61))), (vec![0], vec![0, 70]));
    }

    #[test]
    fn does_not_extrapolate_a_short_measurement_far() {
        let far = |over_ns| {
            let mut state = state(0, 50, Some(50));
            state.forecast.as_mut().unwrap().over_ns = over_ns;
            said(&[state])
        };
        assert_eq!((far(SECOND), far(3 * SECOND)), (vec![], vec![0]));
    }
}
