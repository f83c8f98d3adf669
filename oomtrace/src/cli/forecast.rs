//! `--forecast` of `watch` and `record`, and `--over` of `rank`.

use std::{ops::RangeInclusive, time::Duration};

/// The maximum horizon of a forecast. The history holds ten minutes.
const HORIZON: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(600);

/// The range of times to measure a rate over. A shorter one measures noise, and a longer one measures the past.
const OVER: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(60);

/// Parses the horizon of a forecast: seconds, or a time such as 2min.
///
/// # Errors
///
/// If the text is not a time, or if the time is out of range.
pub(super) fn horizon(typed: &str) -> Result<Duration, String> {
    let time = match typed.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => humantime::parse_duration(typed).map_err(|error| error.to_string())?,
    };
    within(time, &HORIZON).ok_or_else(|| "from 1s to 10min".to_owned())
}

/// Parses the time to measure growth for; 0 means not at all.
///
/// # Errors
///
/// If the text is not a time, or if the time is out of range.
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
