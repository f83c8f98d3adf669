//! Commands that only read recordings give up access to all other files and to the network before they read the first byte. A
//! recording can come from any source, and a defect in the code that reads it must not put anything else at risk.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible as _, LandlockStatus, Ruleset,
    RulesetAttr as _, RulesetCreated, RulesetCreatedAttr as _, RulesetError, Scope, make_bitflags,
    path_beneath_rules,
};

/// The newest version of the interface that is used. An older kernel enforces only the rights that it has.
/// <https://docs.kernel.org/userspace-api/landlock.html#previous-limitations>
const NEWEST: ABI = ABI::V6;

/// The rights that reading a file, or the files of a directory, needs.
const READ: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile | ReadDir});

/// The rights that writing a page needs: checking the existing file, and replacing or creating it.
const WRITE: BitFlags<AccessFs> =
    make_bitflags!(AccessFs::{ReadFile | ReadDir | WriteFile | Truncate | MakeReg});

/// After this call, this thread and the threads that it starts can open only these files, the files in these directories, and
/// the page that is to be written. They cannot open a TCP connection or send a signal to another process. Files that are
/// already open stay usable.
///
/// A kernel without Landlock (before 5.13, or with Landlock disabled) refuses nothing, and the command works the same: this is a
/// second line of defense.
pub(in crate::cmd) fn to_reading<'path>(read: impl IntoIterator<Item = &'path PathBuf>, page: Option<&Path>) {
    let _ = enforce(read, page);
}

fn enforce<'path>(
    read: impl IntoIterator<Item = &'path PathBuf>,
    page: Option<&Path>,
) -> Result<LandlockStatus, RulesetError> {
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))?
        .handle_access(AccessNet::from_all(NEWEST))?
        .scope(Scope::from_all(NEWEST))?
        .create()?;
    read.into_iter().for_each(|path| allow(&mut ruleset, path, READ));
    if let Some(page) = page.filter(|page| *page != Path::new("-")) {
        allow(&mut ruleset, page, WRITE);
        allow(&mut ruleset, directory(page), WRITE);
    }
    ruleset.restrict_self().map(|status| status.landlock)
}

/// A missing path needs no rule, because opening it fails with the right error. A pipe without a name cannot have a rule, and
/// needs none.
fn allow(ruleset: &mut RulesetCreated, path: &Path, rights: BitFlags<AccessFs>) {
    for rule in path_beneath_rules([path], rights).flatten() {
        let _ = ruleset.add_rule(rule);
    }
}

fn directory(page: &Path) -> &Path {
    page.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, File},
        io::{self, ErrorKind},
        net::TcpStream,
        path::{Path, PathBuf},
        thread,
    };

    use landlock::{ABI, LandlockStatus};

    use super::enforce;

    /// Confines a thread and runs a function in it, unless the kernel's interface is older than this version.
    fn confined<T: Send>(
        version: ABI,
        (read, page): (&[PathBuf], Option<&Path>),
        then: impl FnOnce() -> T + Send,
    ) -> Option<T> {
        let confine = || match enforce(read, page).unwrap() {
            LandlockStatus::Available { effective_abi, .. } if effective_abi >= version => Some(then()),
            status @ (LandlockStatus::Available { .. }
            | LandlockStatus::NotEnabled
            | LandlockStatus::NotImplemented) => {
                eprintln!("nothing was checked: {status:?}, and {version:?} is needed");
                None
            }
        };
        thread::scope(|scope| scope.spawn(confine).join().unwrap())
    }

    fn outcome<T>(result: io::Result<T>) -> Result<(), ErrorKind> {
        result.map(drop).map_err(|error| error.kind())
    }

    #[test]
    fn opens_only_the_named_files() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        for name in ["named", "other"] {
            fs::write(path(name), b"bytes").unwrap();
        }
        fs::create_dir(path("recordings")).unwrap();
        fs::write(path("recordings/one"), b"bytes").unwrap();
        fs::create_dir(path("pages")).unwrap();
        let read = [path("named"), path("recordings"), path("missing")];
        let page = path("pages/page.html");
        confined(ABI::V3, (&read, Some(&page)), || {
            assert_eq!(outcome(File::open(path("named"))), Ok(()));
            assert_eq!(outcome(File::open(path("recordings/one"))), Ok(()));
            assert_eq!(outcome(fs::read_dir(path("recordings"))), Ok(()));
            assert_eq!(outcome(fs::write(&page, b"page")), Ok(()));
            assert_eq!(outcome(fs::write(&page, b"again")), Ok(()));
            let refused = Err(ErrorKind::PermissionDenied);
            assert_eq!(outcome(File::open(path("other"))), refused);
            assert_eq!(outcome(File::open("/etc/passwd")), refused);
            assert_eq!(outcome(fs::write(path("named"), b"changed")), refused);
            assert_eq!(outcome(fs::write(path("recordings/two"), b"made")), refused);
            assert_eq!(outcome(fs::remove_file(&page)), refused);
            assert_eq!(outcome(File::open(path("missing"))), Err(ErrorKind::NotFound));
        });
        assert_eq!(outcome(File::open(path("other"))), Ok(()), "the rest of the process is as it was");
    }

    #[test]
    fn needs_no_directory_for_a_page_on_standard_output() {
        let directory = tempfile::tempdir().unwrap();
        let page = directory.path().join("page.html");
        let make = || outcome(fs::write(&page, b"page"));
        let made = confined(ABI::V1, (&[], Some(Path::new("-"))), make);
        assert!(made.is_none_or(|made| made == Err(ErrorKind::PermissionDenied)), "{made:?}");
    }

    #[test]
    fn refuses_connections() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let connect = || outcome(TcpStream::connect(address));
        assert_eq!(connect(), Ok(()));
        let refused = confined(ABI::V4, (&[], None), connect);
        assert!(refused.is_none_or(|refused| refused == Err(ErrorKind::PermissionDenied)), "{refused:?}");
    }
}
