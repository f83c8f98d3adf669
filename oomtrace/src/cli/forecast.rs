//! `--forecast` of `watch` and `record`, and `--over` of `rank`.

use std::{ops::RangeInclusive, time::Duration};

/// A forecast is announced so long before at most: the history has ten minutes.
const HORIZON: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(600);

/// A rate is measured over so long: less is noise, and a minute ago is not the present.
const OVER: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(60);

/// How long before memory runs out a forecast is announced: seconds, or a time such as 2min.
///
/// # Errors
///
/// If it is no time, or out of range.
pub(super) fn horizon(typed: &str) -> Result<Duration, String> {
    let time = match typed.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => humantime::parse_duration(typed).map_err(|error| error.to_string())?,
    };
    within(time, &HORIZON).ok_or_else(|| "from 1s to 10min".to_owned())
}

/// How long growth is measured; 0 for not at all.
///
/// # Errors
///
/// If it is no time, or out of range.
pub(super) fn over(typed: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(typed).map_err(|error| error.to_string())?;
    let measured = Some(time).filter(Duration::is_zero).or_else(|| within(time, &OVER));
    measured.ok_or_else(|| "0s, or from 1s to 1min".to_owned())
}

fn within(time: Duration, range: &RangeInclusive<Duration>) -> Option<Duration> {
    range.contains(&time).then_some(time)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{horizon, over};

    #[test]
    fn a_horizon_is_in_seconds_or_has_a_unit() {
        assert_eq!(["60", "1min", "60s"].map(horizon), [(); 3].map(|()| Ok(Duration::from_secs(60))));
        for wrong in ["", "0", "601", "500ms", "1h", "-5", "off"] {
            assert!(horizon(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn growth_is_measured_for_a_second_or_more_or_not_at_all() {
        assert_eq!(["0s", "1s", "1min"].map(over), [0, 1, 60].map(|time| Ok(Duration::from_secs(time))));
        for wrong in ["", "1", "10ms", "2min"] {
            assert!(over(wrong).is_err(), "{wrong}");
        }
    }
}
