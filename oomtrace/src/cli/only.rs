//! Filters on the command line.

use std::{ffi::OsString, os::unix::ffi::OsStringExt as _};

use clap::{
    Args,
    builder::{OsStringValueParser, TypedValueParser as _},
};

use crate::explain::Code;

/// Filters. A report is shown if it matches all of them. Names are bytes, as in the kernel.
#[derive(Debug, Default, Args)]
pub struct Only {
    /// Only kills in this cgroup or below it: the domain's or a victim's (a path, with or without /sys/fs/cgroup)
    #[arg(long, value_name = "PATH", value_parser = OsStringValueParser::new().try_map(cgroup_path))]
    pub cgroup: Option<OsString>,
    /// Only kills of processes with this name
    #[arg(long, value_name = "NAME")]
    pub comm: Option<OsString>,
    /// Only kills of the process with this pid
    #[arg(long, value_name = "PID", value_parser = clap::value_parser!(i32).range(1..))]
    pub pid: Option<i32>,
    /// Only kills in the container with this name or identifier (its first 12 digits are enough)
    #[arg(long, value_name = "NAME|ID")]
    pub container: Option<OsString>,
    /// Only kills in the pod with this name or UID; use NAMESPACE/NAME if the name is not unique
    #[arg(long, value_name = "NAME|UID")]
    pub pod: Option<OsString>,
    /// Only kills in pods of this Kubernetes namespace
    #[arg(long, value_name = "NAME")]
    pub namespace: Option<OsString>,
    /// Only kills in this systemd unit, such as nginx.service
    #[arg(long, value_name = "UNIT")]
    pub unit: Option<OsString>,
    /// Only this cause, such as memcg_limit or global
    #[arg(long, value_name = "CODE", value_parser = Code::from_name)]
    pub cause: Option<Code>,
}

/// Rejects a path without a leading slash, because it would match nothing, and `watch` would wait forever.
fn cgroup_path(typed: OsString) -> Result<OsString, &'static str> {
    let whole = typed.as_encoded_bytes().starts_with(b"/");
    whole.then(|| below_mount(typed)).ok_or("a cgroup's path begins with /, as in /system.slice")
}

/// The mount point of cgroup v2; the v1 hierarchies are mounted below it.
const MOUNTS: [&[u8]; 3] = [b"/sys/fs/cgroup/memory", b"/sys/fs/cgroup/unified", b"/sys/fs/cgroup"];

/// Accepts a path with the mount point in front, as shell completion creates it.
fn below_mount(typed: OsString) -> OsString {
    let path = typed.as_encoded_bytes();
    let behind =
        |mount: &&[u8]| path.strip_prefix(*mount).filter(|rest| rest.is_empty() || rest.starts_with(b"/"));
    match MOUNTS.iter().find_map(behind) {
        Some(b"" | b"/") => OsString::from("/"),
        Some(rest) => OsString::from_vec(rest.strip_suffix(b"/").unwrap_or(rest).to_vec()),
        None => typed,
    }
}

#[cfg(test)]
mod tests {
    use std::{
        ffi::{OsStr, OsString},
        os::unix::ffi::OsStrExt as _,
    };

    use clap::Parser;

    use super::Only;

    #[derive(Debug, Parser)]
    struct Typed {
        #[command(flatten)]
        only: Only,
    }

    fn parse(typed: &[&[u8]]) -> Result<Only, clap::Error> {
        let words = [b"oomtrace".as_slice()].into_iter().chain(typed.iter().copied());
        Typed::try_parse_from(words.map(OsStr::from_bytes)).map(|typed| typed.only)
    }

    #[test]
    fn accepts_names_that_are_not_text() {
        let only = parse(&[b"--comm", b"\xff", b"--cgroup", b"/\xfe"]).unwrap();
        let typed = |bytes: &[u8]| Some(OsString::from(OsStr::from_bytes(bytes)));
        assert_eq!((only.comm, only.cgroup), (typed(b"\xff"), typed(b"/\xfe")));
    }

    #[test]
    fn accepts_a_cgroup_with_the_mount_point() {
        let cgroup = |typed: &str| {
            let only = parse(&[b"--cgroup", typed.as_bytes()]).unwrap();
            only.cgroup.unwrap().into_string().unwrap()
        };
        assert_eq!(cgroup("/sys/fs/cgroup/a.slice/"), "/a.slice");
        assert_eq!(cgroup("/sys/fs/cgroup/memory/docker"), "/docker");
        assert_eq!(cgroup("/sys/fs/cgroup"), "/");
        assert_eq!(cgroup("/sys/fs/cgroups/a"), "/sys/fs/cgroups/a");
        assert_eq!(cgroup("/a/sys/fs/cgroup"), "/a/sys/fs/cgroup");
    }

    #[test]
    fn rejects_filters_that_cannot_match() {
        for wrong in
            [b"--cgroup=system.slice".as_slice(), b"--cgroup=", b"--pid=-1", b"--pid=0", b"--cause=x"]
        {
            assert!(parse(&[wrong]).is_err(), "{}", wrong.escape_ascii());
        }
    }
}
