//! Reads the pools of huge pages, by size and node.
//! <https://github.com/torvalds/linux/blob/v6.12/Documentation/admin-guide/mm/hugetlbpage.rst>

use std::{
    fs::{self, File},
    io::Read as _,
    path::{Path, PathBuf},
};

use crate::context::HugePool;

/// Maximum number of nodes whose pools are read.
const MOST_NODES: usize = 64;

/// The directories of the pools. The sizes are known at boot. A node that is added later appears only in the totals.
#[derive(Debug, Default)]
pub(super) struct Pools {
    /// The page sizes; absent on a kernel without huge pages.
    sizes: Option<Vec<u64>>,
    root: PathBuf,
    nodes: Vec<(i32, PathBuf)>,
}

impl Pools {
    /// Finds the pools of a machine whose sysfs is mounted at `sysfs`.
    pub(super) fn find(sysfs: &Path) -> Self {
        let root = sysfs.join("kernel/mm/hugepages");
        let sizes = fs::read_dir(&root).ok().map(|entries| {
            let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
            let mut sizes: Vec<u64> = names.filter_map(|name| size_kib(&name)).collect();
            sizes.sort_unstable();
            sizes
        });
        Self { sizes, root, nodes: nodes(&sysfs.join("devices/system/node")) }
    }

    /// Reads the pools: all sizes for the machine, and for each node the sizes that have pages.
    pub(super) fn read(&self) -> Option<Vec<HugePool>> {
        let mut pools = Vec::new();
        for kib in self.sizes.as_ref()? {
            let Some(whole) = pool(&self.root, *kib, None) else { continue };
            pools.push(whole);
            if whole.total > 0 {
                let of_node = |(node, root): &(i32, PathBuf)| pool(root, *kib, Some(*node));
                pools.extend(self.nodes.iter().filter_map(of_node));
            }
        }
        Some(pools)
    }
}

fn nodes(directory: &Path) -> Vec<(i32, PathBuf)> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let number = |name: &str| name.strip_prefix("node")?.parse().ok();
    let of =
        |entry: fs::DirEntry| Some((number(entry.file_name().to_str()?)?, entry.path().join("hugepages")));
    let mut nodes: Vec<(i32, PathBuf)> = entries.flatten().filter_map(of).collect();
    nodes.sort_unstable();
    nodes.truncate(MOST_NODES);
    nodes
}

/// Parses a name such as `hugepages-2048kB`.
fn size_kib(name: &str) -> Option<u64> {
    name.strip_prefix("hugepages-")?.strip_suffix("kB")?.parse().ok()
}

fn pool(root: &Path, kib: u64, node: Option<i32>) -> Option<HugePool> {
    let directory = root.join(format!("hugepages-{kib}kB"));
    let count = |name| number(&directory.join(name));
    Some(HugePool {
        size_bytes: kib.checked_mul(1024)?,
        node,
        total: count("nr_hugepages")?,
        free: count("free_hugepages")?,
        reserved: count("resv_hugepages"),
        surplus: count("surplus_hugepages"),
    })
}

/// Reads the number in a sysfs file.
pub(super) fn number(path: &Path) -> Option<u64> {
    let mut text = [0; 32];
    let read = File::open(path).ok()?.read(&mut text).ok()?;
    std::str::from_utf8(text.get(..read)?).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::{Pools, size_kib};
    use crate::context::HugePool;

    fn make(directory: &Path, files: &[(&str, &str)]) {
        fs::create_dir_all(directory).unwrap();
        files.iter().for_each(|(name, text)| fs::write(directory.join(name), text).unwrap());
    }

    #[test]
    fn reads_pools_by_size_and_node() {
        let sysfs = tempfile::tempdir().unwrap();
        let (root, nodes) =
            (sysfs.path().join("kernel/mm/hugepages"), sysfs.path().join("devices/system/node"));
        let all = [("nr_hugepages", "20\n"), ("free_hugepages", "5\n"), ("resv_hugepages", "2\n")];
        let empty = [("nr_hugepages", "0\n"), ("free_hugepages", "0\n"), ("surplus_hugepages", "0\n")];
        make(&root.join("hugepages-2048kB"), &all);
        make(&root.join("hugepages-1048576kB"), &empty);
        make(&root.join("hugepages-64kB"), &[("nr_hugepages", "many\n")]);
        for node in ["node0", "node1"] {
            make(&nodes.join(node).join("hugepages/hugepages-2048kB"), &all[..2]);
            make(&nodes.join(node).join("hugepages/hugepages-1048576kB"), &empty);
        }
        let pool = |size_bytes, node, total, free, reserved, surplus| HugePool {
            size_bytes,
            node,
            total,
            free,
            reserved,
            surplus,
        };
        let expected = vec![
            pool(2 << 20, None, 20, 5, Some(2), None),
            pool(2 << 20, Some(0), 20, 5, None, None),
            pool(2 << 20, Some(1), 20, 5, None, None),
            pool(1 << 30, None, 0, 0, None, Some(0)),
        ];
        assert_eq!(Pools::find(sysfs.path()).read(), Some(expected));
    }

    #[test]
    fn returns_none_without_huge_pages() {
        let sysfs = tempfile::tempdir().unwrap();
        assert_eq!(Pools::find(sysfs.path()).read(), None);
        assert_eq!(
            [size_kib("hugepages-2048kB"), size_kib("hugepages-2M"), size_kib("")],
            [Some(2048), None, None]
        );
    }
}
