//! Points in time, UTC.

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// Parses the time of a report.
pub(super) fn of(time: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(time, &Rfc3339).ok()
}

/// Formats date and time, to the millisecond.
pub(super) fn to_millisecond(at: OffsetDateTime) -> String {
    let (hour, minute, second, milli) = at.to_hms_milli();
    format!("{} {hour:02}:{minute:02}:{second:02}.{milli:03} UTC", at.date())
}

/// Formats date and time, to the second.
pub(super) fn to_second(at: OffsetDateTime) -> String {
    let (hour, minute, second) = at.to_hms();
    format!("{} {hour:02}:{minute:02}:{second:02}", at.date())
}

/// Formats the time of day, to the microsecond.
pub(super) fn of_day(at: OffsetDateTime) -> String {
    let (hour, minute, second, micro) = at.to_hms_micro();
    format!("{hour:02}:{minute:02}:{second:02}.{micro:06}")
}
