//! Reads `/proc/self/mountinfo`: the mounts of tmpfs, and the mounts below which a path lookup may block.
//! <https://github.com/torvalds/linux/blob/v6.12/fs/proc_namespace.c#L131> (`show_mountinfo`)

use super::lines;

/// Maximum number of tmpfs mounts whose usage is read. Nodes with many pods have hundreds, one for each token.
const MOST: usize = 256;

/// Maximum number of mounts that are remembered as not local. If there are more, no path counts as local.
const MOST_FOREIGN: usize = 256;

/// File systems that resolve a path without another machine and without another process.
/// On any other file system, a path lookup may wait for an unreachable server, or for a daemon that has no memory.
const LOCAL: [&str; 30] = [
    "rootfs",
    "tmpfs",
    "devtmpfs",
    "ramfs",
    "ext2",
    "ext3",
    "ext4",
    "xfs",
    "btrfs",
    "f2fs",
    "bcachefs",
    "zfs",
    "overlay",
    "squashfs",
    "erofs",
    "iso9660",
    "vfat",
    "proc",
    "sysfs",
    "devpts",
    "cgroup",
    "cgroup2",
    "securityfs",
    "debugfs",
    "tracefs",
    "bpf",
    "hugetlbfs",
    "configfs",
    "nsfs",
    "mqueue",
];

/// File systems that may be a tmpfs. An initramfs is one if the kernel is built that way.
const TMPFS: [&str; 3] = ["tmpfs", "devtmpfs", "rootfs"];

/// A mount of a tmpfs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mount {
    /// Number of the device. It is unique to the file system.
    pub(super) device: (u32, u32),
    /// The mount point.
    pub(super) path: Vec<u8>,
    /// Whether the whole file system is mounted there.
    is_whole: bool,
}

/// The mounts in the lines so far.
#[derive(Debug, Default)]
pub(super) struct Mounts {
    tmpfs: Vec<Mount>,
    left_out: u32,
    foreign: Vec<Vec<u8>>,
    has_more_foreign: bool,
}

impl Mounts {
    pub(super) fn take_line(&mut self, line: &[u8]) {
        let Some((mount, kind)) = parse(line) else { return };
        if TMPFS.iter().any(|name| name.as_bytes() == kind) {
            self.take_tmpfs(mount);
        } else if LOCAL.iter().all(|name| name.as_bytes() != kind) {
            self.take_foreign(mount.path);
        }
    }

    /// Adds each tmpfs once, by the mount that shows all of it.
    fn take_tmpfs(&mut self, mount: Mount) {
        if let Some(known) = self.tmpfs.iter_mut().find(|known| known.device == mount.device) {
            if mount.is_whole && !known.is_whole {
                *known = mount;
            }
        } else if self.tmpfs.len() < MOST {
            self.tmpfs.push(mount);
        } else {
            self.left_out = self.left_out.saturating_add(1);
        }
    }

    fn take_foreign(&mut self, path: Vec<u8>) {
        if self.foreign.len() < MOST_FOREIGN {
            self.foreign.push(path);
        } else {
            self.has_more_foreign = true;
        }
    }

    /// Returns each tmpfs, by one of its mounts.
    pub(super) fn tmpfs(&self) -> &[Mount] {
        &self.tmpfs
    }

    /// Number of mounts that did not fit.
    pub(super) const fn left_out(&self) -> u32 {
        self.left_out
    }

    /// Whether the path to a mount contains only local file systems.
    pub(super) fn is_local(&self, path: &[u8]) -> bool {
        !self.has_more_foreign && !self.foreign.iter().any(|above| is_below(path, above))
    }
}

fn is_below(path: &[u8], above: &[u8]) -> bool {
    let rest = path.strip_prefix(above.strip_suffix(b"/").unwrap_or(above));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}

/// Parses `id parent major:minor root path options.. - type source options`.
fn parse(line: &[u8]) -> Option<(Mount, &[u8])> {
    let mut fields = line.split(|byte| *byte == b' ');
    let (major, minor) = std::str::from_utf8(fields.nth(2)?).ok()?.split_once(':')?;
    let device = (major.parse().ok()?, minor.parse().ok()?);
    let is_whole = fields.next()? == b"/";
    let path = lines::unescape(fields.next()?);
    let kind = fields.skip_while(|field| *field != b"-").nth(1)?;
    path.starts_with(b"/").then_some((Mount { device, path, is_whole }, kind))
}

#[cfg(test)]
mod tests {
    use super::{MOST, MOST_FOREIGN, Mount, Mounts};

    fn mounts(text: &[u8]) -> Mounts {
        let mut mounts = Mounts::default();
        text.split(|byte| *byte == b'\n').for_each(|line| mounts.take_line(line));
        mounts
    }

    fn mount(minor: u32, path: &[u8]) -> Mount {
        Mount { device: (0, minor), path: path.to_vec(), is_whole: true }
    }

    #[test]
    fn finds_each_tmpfs_once() {
        let text = b"22 27 0:21 / /proc rw,relatime - proc proc rw\n\
                     24 27 0:6 / /dev rw - devtmpfs devtmpfs rw,size=12334524k,mode=755\n\
                     25 24 0:23 / /dev/shm rw,nosuid shared:4 master:7 - tmpfs tmpfs rw,size=24684096k\n\
                     26 24 0:24 /sub /a\\040\xff rw - tmpfs none rw\n\
                     27 24 0:24 / /whole rw - tmpfs none rw\n\
                     28 24 0:24 / /again rw - tmpfs none rw\n";
        let expected = [mount(6, b"/dev"), mount(23, b"/dev/shm"), mount(24, b"/whole")];
        assert_eq!(mounts(text).tmpfs(), expected);
    }

    #[test]
    fn parses_mountinfo_of_guests() {
        for text in [
            &include_bytes!("../../../../tests/procfs/5.10/mountinfo")[..],
            include_bytes!("../../../../tests/procfs/7.3/mountinfo"),
        ] {
            let mounts = mounts(text);
            let paths: Vec<&[u8]> = mounts.tmpfs().iter().map(|mount| &mount.path[..]).collect();
            assert_eq!(paths, [&b"/"[..], b"/dev", b"/tmp"]);
            assert!(mounts.is_local(b"/dev"));
        }
    }

    #[test]
    fn detects_paths_below_remote_file_systems() {
        let text = b"30 27 0:40 / /home rw - nfs4 server:/home rw\n31 27 0:41 / /mnt/a rw - fuse.sshfs x rw\n\
                     32 27 0:42 / /auto rw - autofs systemd-1 rw\n33 30 0:43 / /home/tmp rw - tmpfs none rw\n";
        let mounts = mounts(text);
        for path in [&b"/home"[..], b"/home/tmp", b"/mnt/a/b", b"/auto/x"] {
            assert!(!mounts.is_local(path), "{path:?}");
        }
        for path in [&b"/"[..], b"/homes", b"/mnt", b"/dev/shm"] {
            assert!(mounts.is_local(path), "{path:?}");
        }
        let root = self::mounts(b"1 0 0:1 / / rw - nfs server:/ rw\n");
        assert!(!root.is_local(b"/dev/shm") && !root.is_local(b"/"));
    }

    #[test]
    fn bounds_the_lists_and_accepts_any_line() {
        let line = b"25 24 0:23 / /dev/shm rw,nosuid shared:4 - tmpfs tmpfs rw,size=24684096k";
        for cut in 0..line.len() {
            assert!(mounts(&line[..cut]).tmpfs().len() <= 1);
        }
        let tmpfs = |at| format!("25 24 0:{at} / /m{at} rw - tmpfs tmpfs rw\n");
        let many: String = (0..MOST + 7).map(tmpfs).collect();
        assert_eq!((mounts(many.as_bytes()).tmpfs().len(), mounts(many.as_bytes()).left_out()), (MOST, 7));
        let foreign = |at| format!("25 24 0:{at} / /m{at} rw - nfs x rw\n");
        let many: String = (0..=MOST_FOREIGN).map(foreign).collect();
        assert!(!mounts(many.as_bytes()).is_local(b"/dev"));
        assert!(mounts(b"25 24 0:1 / relative rw - tmpfs x rw").tmpfs().is_empty());
    }
}
