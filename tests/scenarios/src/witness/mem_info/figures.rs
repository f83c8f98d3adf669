//! Parses sequences of figures: `NAME:NUMBER` in pages, or `NAME:NUMBERkB`.

use std::collections::BTreeMap;

/// Figures without a unit, in pages.
pub(super) fn pages(line: &str) -> BTreeMap<String, u64> {
    all(line).filter_map(|(name, number)| Some((name.to_owned(), number.parse().ok()?))).collect()
}

/// Figures in KiB, which the kernel writes `kB` or `KB`, as bytes.
pub(super) fn bytes(line: &str) -> BTreeMap<String, u64> {
    let bytes = |number: &str| {
        let kib = number.strip_suffix("kB").or_else(|| number.strip_suffix("KB"))?;
        kib.parse::<u64>().ok()?.checked_mul(1024)
    };
    all(line).filter_map(|(name, number)| Some((name.to_owned(), bytes(number)?))).collect()
}

/// Every name with its number. A few names have a space before their number (`shmem_thp: 0kB` up to 5.12).
fn all(line: &str) -> impl Iterator<Item = (&str, &str)> {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let followers = words.iter().skip(1).copied().chain([""]).collect::<Vec<_>>();
    let pair = |(word, next): (&'_ str, &'_ str)| -> Option<(usize, bool)> {
        let at = word.find(':')?;
        Some((at, at + 1 == word.len() && !next.is_empty()))
    };
    words.into_iter().zip(followers).filter_map(move |(word, next)| {
        let (at, is_apart) = pair((word, next))?;
        let (name, number) = word.split_at_checked(at)?;
        Some((name, if is_apart { next } else { number.strip_prefix(':')? }))
    })
}

#[cfg(test)]
mod tests {
    use super::{bytes, pages};

    #[test]
    fn reads_both_units_and_a_space_before_the_number() {
        let line =
            "free:1808kB reserved_highatomic:4KB shmem_thp: 8kB isolated(anon):12kB all_unreclaimable? yes";
        let expected = [("free", 1808), ("isolated(anon)", 12), ("reserved_highatomic", 4), ("shmem_thp", 8)];
        let expected: Vec<_> = expected.map(|(name, kib)| (name.to_owned(), kib << 10)).to_vec();
        assert_eq!(bytes(line).into_iter().collect::<Vec<_>>(), expected);
        let expected: Vec<_> = [("free", 5), ("free_pcp", 7)].map(|(n, p)| (n.to_owned(), p)).to_vec();
        assert_eq!(pages("free:5 free_pcp:7\n x:").into_iter().collect::<Vec<_>>(), expected);
    }
}
