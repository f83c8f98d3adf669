//! Parses moments from the command line.

use std::time::{Duration, SystemTime};

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// A moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// At this time.
    At(OffsetDateTime),
    /// This long ago.
    Ago(Duration),
}

impl Moment {
    /// Parses a date, a date with a time (UTC, or with an offset), or a time span, which means that long ago.
    ///
    /// # Errors
    ///
    /// If it is none of these.
    pub(crate) fn parse(typed: &str) -> Result<Self, String> {
        if let Ok(time) = OffsetDateTime::parse(typed, &Rfc3339) {
            return Ok(Self::At(time));
        }
        let weak = ["", ":00", " 00:00:00"].map(|rest| format!("{typed}{rest}"));
        if let Some(time) = weak.iter().find_map(|typed| humantime::parse_rfc3339_weak(typed).ok()) {
            return Ok(Self::At(time.into()));
        }
        humantime::parse_duration(typed).map(Self::Ago).map_err(|_| {
            format!("`{typed}` is not a time; use 2026-01-31, \"2026-01-31 12:00\" (UTC), 2026-01-31T13:00:00+01:00 or 90min")
        })
    }

    /// Its Unix time in ns, if the current time is `now`.
    #[must_use]
    pub fn unix_ns(self, now: SystemTime) -> i128 {
        match self {
            Self::At(time) => time.unix_timestamp_nanos(),
            Self::Ago(ago) => {
                let now = OffsetDateTime::from(now).unix_timestamp_nanos();
                now.saturating_sub(i128::try_from(ago.as_nanos()).unwrap_or(i128::MAX))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::Moment;

    #[test]
    fn parses_dates_times_and_spans() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let seconds = |typed: &str| Moment::parse(typed).unwrap().unix_ns(now) / 1_000_000_000;
        assert_eq!(seconds("2026-01-31"), 1_769_817_600);
        assert_eq!(seconds("2026-01-31 00:01"), 1_769_817_660);
        assert_eq!(seconds("2026-01-31T00:01:02"), 1_769_817_662);
        assert_eq!(seconds("2026-01-31T00:01:02Z"), 1_769_817_662);
        assert_eq!(seconds("2026-01-31T01:01:02.5+01:00"), 1_769_817_662);
        assert_eq!(seconds("90min"), 1_800_000_000 - 5400);
        assert!(seconds("5000years") < 0);
        for wrong in ["", "yesterday", "2026-13-01", "12:00", "-1h", "5"] {
            assert!(Moment::parse(wrong).is_err(), "{wrong}");
        }
    }
}
