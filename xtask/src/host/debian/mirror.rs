//! Mirrors of the Debian archive, from the machine's apt sources.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::host::run::output;

/// One line of apt's sources: the mirror, its suite, and the origin that signs the suite.
#[derive(Debug, PartialEq, Eq)]
struct Source<'a> {
    uri: &'a str,
    suite: &'a str,
    origin: &'a str,
}

/// The mirrors that may have a suite, likely ones first: those that apt uses for that suite, then Debian's, then the rest. A
/// wrong one does no harm, because apt rejects anything that Debian has not signed.
pub(crate) fn candidates(suite: &str) -> Result<Vec<String>> {
    let format = "$(REPO_URI)|$(RELEASE)|$(ORIGIN)";
    let listing =
        output(Command::new("apt-get").args(["indextargets", "--format", format, "Created-By: Packages"]))
            .context("the machine's apt sources cannot be read")?;
    let mirrors = ranked(&listing, suite);
    ensure!(!mirrors.is_empty(), "this machine's apt sources name no mirror for {suite}");
    Ok(mirrors)
}

fn ranked(listing: &str, suite: &str) -> Vec<String> {
    // Security suites are in a separate archive.
    let is_security = |suite: &str| suite.ends_with("-security");
    let mut sources: Vec<_> = listing.lines().filter_map(source).collect();
    sources.retain(|source| is_security(source.suite) == is_security(suite));
    sources.sort_by_key(|source| (source.suite != suite, source.origin != "Debian"));
    let mut mirrors = Vec::new();
    for source in sources {
        let uri = source.uri.trim_end_matches('/').to_owned();
        if !mirrors.contains(&uri) {
            mirrors.push(uri);
        }
    }
    mirrors
}

fn source(line: &str) -> Option<Source<'_>> {
    let mut fields = line.split('|');
    Some(Source { uri: fields.next()?, suite: fields.next()?, origin: fields.next()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTING: &str = "\
https://packages.example.com/tool|stable|Tool
http://mirror.example.org/debian-security/|bookworm-security|Debian
http://mirror.example.org/debian/|bookworm|Debian
http://mirror.example.org/debian/|bookworm-updates|Debian
http://near.example.net/debian|trixie|Debian
";

    #[test]
    fn lists_the_suites_own_mirror_first_and_debians_next() {
        let mirrors = [
            "http://near.example.net/debian",
            "http://mirror.example.org/debian",
            "https://packages.example.com/tool",
        ];
        assert_eq!(ranked(LISTING, "trixie"), mirrors);
    }

    #[test]
    fn separates_the_archive_of_security_suites() {
        assert_eq!(ranked(LISTING, "bullseye-security"), ["http://mirror.example.org/debian-security"]);
    }

    #[test]
    fn accepts_lists_without_an_origin() {
        let mirrors = ranked("http://mirror.example.org/debian/|bookworm|\n", "sid");
        assert_eq!(mirrors, ["http://mirror.example.org/debian"]);
    }
}
