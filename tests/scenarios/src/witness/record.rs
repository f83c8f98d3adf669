//! Records of `/dev/kmsg`: `PRIORITY,SEQUENCE,TIME,FLAGS[,…];MESSAGE`, then lines of context.

use crate::text::Text;

/// The messages byte for byte, each byte as the char with the same number, with continuations joined. A name cannot break a
/// record, because the kernel escapes everything that is not printable.
pub(super) fn messages(records: &[String]) -> Vec<String> {
    let mut messages: Vec<String> = Vec::new();
    for (flags, message) in records.iter().filter_map(|record| split(record)) {
        match messages.last_mut() {
            Some(last) if flags == "c" => last.push_str(&message),
            _ => messages.push(message),
        }
    }
    messages
}

/// The flags and the message of a record.
fn split(record: &str) -> Option<(&str, String)> {
    let (head, rest) = record.split_once(';')?;
    let message = rest.lines().next().unwrap_or_default();
    Some((head.split(',').nth(3)?, Text::unescape(message).to_chars()))
}

#[cfg(test)]
mod tests {
    use super::messages;

    #[test]
    fn reads_escapes_and_continuations() {
        let records = [
            r#"4,486,3495304,-;h"o\x5cg\x0a\xff invoked"#,
            "6,487,3495305,-;Tasks in ",
            "6,488,3495306,c;/group",
            "6,489,3495307,-,caller=T1;with context\n SUBSYSTEM=cpu",
            "no record",
        ];
        let records = records.map(str::to_owned);
        assert_eq!(messages(&records), ["h\"o\\g\n\u{ff} invoked", "Tasks in /group", "with context"]);
    }
}
