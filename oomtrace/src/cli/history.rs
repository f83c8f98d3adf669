//! `--history` of `watch` and `record`: how often memory is sampled.

use std::{fmt, time::Duration};

/// The interval at which memory is sampled while no decision is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HistoryChoice {
    /// Never. The minutes before a kill are then unknown.
    Off,
    /// At this interval.
    Every(Duration),
}

/// The default.
const USUAL: Duration = Duration::from_secs(5);

/// A shorter interval would cost more than it is worth, because memory that is about to run out is sampled more often anyway.
const SHORTEST: Duration = Duration::from_secs(1);

/// A longer interval would exceed the history itself.
const LONGEST: Duration = Duration::from_secs(600);

impl HistoryChoice {
    /// Parses the option's value.
    ///
    /// # Errors
    ///
    /// If it is neither `off` nor a time within the range.
    pub fn parse(typed: &str) -> Result<Self, String> {
        if typed == "off" {
            return Ok(Self::Off);
        }
        let every = humantime::parse_duration(typed).map_err(|error| error.to_string())?;
        if (SHORTEST..=LONGEST).contains(&every) {
            Ok(Self::Every(every))
        } else {
            Err("from 1s to 10min".to_owned())
        }
    }
}

impl Default for HistoryChoice {
    fn default() -> Self {
        Self::Every(USUAL)
    }
}

impl fmt::Display for HistoryChoice {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => to.write_str("off"),
            Self::Every(every) => humantime::format_duration(*every).fmt(to),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::HistoryChoice;

    #[test]
    fn accepts_an_interval_or_off() {
        assert_eq!(HistoryChoice::parse("off"), Ok(HistoryChoice::Off));
        assert_eq!(HistoryChoice::parse("30s"), Ok(HistoryChoice::Every(Duration::from_secs(30))));
        for typed in ["", "5", "100ms", "1h", "on"] {
            assert!(HistoryChoice::parse(typed).is_err(), "{typed}");
        }
        let usual = HistoryChoice::default();
        assert_eq!(HistoryChoice::parse(&usual.to_string()), Ok(usual));
    }
}
