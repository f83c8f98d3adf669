//! The figures of the memory cgroup that ran out, named as in `memory.stat` of v2 (`mem_cgroup_print_oom_meminfo`,
//! <https://github.com/torvalds/linux/blob/v6.12/mm/memcontrol.c#L1545>).

use std::collections::BTreeMap;

/// Whether a line is the heading of the figures.
pub(super) fn head(line: &str) -> bool {
    line.starts_with("Memory cgroup stats for ")
}

/// The figures of a record. Newer kernels print one per record, older ones all in one. Empty if the record has none.
pub(super) fn figures(record: &str) -> BTreeMap<String, u64> {
    let figure = |line: &str| {
        let (name, number) = line.split_once(' ')?;
        Some((name.to_owned(), number.parse().ok()?))
    };
    record.lines().filter_map(figure).collect()
}

#[cfg(test)]
mod tests {
    use super::{figures, head};

    #[test]
    fn reads_one_or_many_figures_per_record() {
        assert!(head("Memory cgroup stats for /box:") && !head("Tasks state (memory values in pages):"));
        assert_eq!(figures("anon 33251328").get("anon"), Some(&33_251_328));
        let many = figures("anon 4096\nfile 0\nshmem 8192");
        assert_eq!((many.len(), many.get("shmem")), (3, Some(&8192)));
        assert!(figures("Memory cgroup min protection 0kB").is_empty() && figures("").is_empty());
    }
}
