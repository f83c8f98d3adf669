//! `--history`.

use std::{fmt, time::Duration};

/// How often memory is sampled while nothing happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HistoryChoice {
    /// Never: the minutes before a kill are not known.
    Off,
    /// That often.
    Every(Duration),
}

/// The default.
const USUAL: Duration = Duration::from_secs(5);

/// More often would cost more than it tells: what is about to run out is read more often anyway.
const SHORTEST: Duration = Duration::from_secs(1);

/// Longer than the history itself.
const LONGEST: Duration = Duration::from_secs(600);

impl HistoryChoice {
    /// What was typed.
    ///
    /// # Errors
    ///
    /// If it is neither `off` nor a time in the range.
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
    fn an_interval_or_off() {
        assert_eq!(HistoryChoice::parse("off"), Ok(HistoryChoice::Off));
        assert_eq!(HistoryChoice::parse("30s"), Ok(HistoryChoice::Every(Duration::from_secs(30))));
        for typed in ["", "5", "100ms", "1h", "on"] {
            assert!(HistoryChoice::parse(typed).is_err(), "{typed}");
        }
        let usual = HistoryChoice::default();
        assert_eq!(HistoryChoice::parse(&usual.to_string()), Ok(usual));
    }
}
