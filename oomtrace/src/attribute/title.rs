//! The title that a process sets for itself, in place of its arguments.

use crate::bytes::ByteString;

/// The title in a command line: `postgres: app appdb 10.0.0.5(4242) SELECT`. A process writes it over its arguments, and the
/// other arguments are then empty (`setproctitle`). A single argument with blanks that is not the path of the executable is
/// taken as a title.
#[must_use]
pub fn title<'a>(cmdline: &'a [ByteString], exe: Option<&ByteString>) -> Option<&'a ByteString> {
    let (first, rest) = cmdline.split_first()?;
    let text = first.as_bytes().trim_ascii();
    let is_alone = rest.iter().all(|argument| argument.as_bytes().is_empty());
    let is_path = text.starts_with(b"/") || exe == Some(first);
    (is_alone && !is_path && text.contains(&b' ')).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::title;
    use crate::bytes::ByteString;

    #[test]
    fn accepts_only_a_single_argument_with_blanks() {
        let words = |texts: &[&str]| texts.iter().map(|text| ByteString::from(*text)).collect::<Vec<_>>();
        let found = |texts: &[&str]| title(&words(texts), None).cloned();
        let postgres = "postgres: app appdb [local] SELECT";
        assert_eq!(found(&[postgres, "", "", ""]), Some(postgres.into()));
        assert_eq!(found(&["nginx: worker process"]), Some("nginx: worker process".into()));
        assert_eq!(found(&["sleep", "60"]), None);
        assert_eq!(found(&["sleep"]), None);
        assert_eq!(found(&["/opt/My App/run"]), None);
        assert_eq!(found(&["my app", "", "x"]), None);
        assert_eq!(found(&[]), None);
        let exe = ByteString::from("my app");
        assert_eq!(title(&words(&["my app"]), Some(&exe)), None);
    }
}
