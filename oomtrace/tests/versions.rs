//! Every file that states the version states the same one.

#![cfg(test)]

use std::{fs, path::Path};

/// The files, and the text around the version.
const PLACES: [(&str, &str, &str); 9] = [
    ("oomtrace/Cargo.toml", r#"path = "../oomtrace-common", version = "="#, "\""),
    ("oomtrace/Cargo.toml", r#"path = "../oomtrace-object", version = "="#, "\""),
    ("CHANGELOG.md", "\n## ", "\n"),
    ("README.md", "`VERSION` is a release such as ", ".\n"),
    ("contrib/Containerfile", "PROGRAM=oomtrace-", "-x86_64"),
    ("contrib/arch/PKGBUILD", "\npkgver=", "\n"),
    ("contrib/kubernetes/daemonset.yaml", "image: ghcr.io/oomtrace/oomtrace:", "\n"),
    ("contrib/man/oomtrace.1", "\n.TH oomtrace 1  \"oomtrace ", "\""),
    ("docs/install.md", "`VERSION` is a release such as `", "`"),
];

#[test]
fn every_stated_version_is_that_of_the_crate() {
    for (file, before, after) in PLACES {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
        let text = fs::read_to_string(&path).unwrap();
        let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("{file} lacks {before:?}"));
        let stated = rest.split(after).next().unwrap_or_default();
        // Until the release, the changelog's heading says so.
        let stated = stated.trim_end_matches(" (unreleased)");
        assert_eq!(stated, env!("CARGO_PKG_VERSION"), "{file}");
    }
}
