//! Paths of any bytes: parsing them never panics and never invents a name.

use oomtrace::{attribute::Place, bytes::ByteString};

use super::{LOOK_ALIKES, REAL, rows};

/// Pseudorandom numbers, the same in every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap()
    }

    fn below(&mut self, end: usize) -> usize {
        self.next() % end.max(1)
    }
}

/// Replaces each systemd escape with the byte that it may stand for.
fn unescaped(path: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = path;
    while let Some((first, behind)) = rest.split_first() {
        let digits = rest.strip_prefix(b"\\x").and_then(|digits| digits.get(..2));
        let byte = digits
            .filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))
            .and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).ok());
        match byte.filter(|byte| *byte != 0) {
            Some(byte) => {
                bytes.push(byte);
                rest = &rest[4..];
            }
            None => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    bytes
}

fn has(path: &[u8], part: &[u8]) -> bool {
    !part.is_empty() && path.windows(part.len()).any(|window| window == part)
}

/// Checks that every reported name occurs in the path.
fn nothing_made_up(path: &[u8]) {
    let place = Place::of(path);
    let plain = unescaped(path);
    let is_there = |name: &ByteString| has(path, name.as_bytes()) || has(&plain, name.as_bytes());
    let context = || format!("{:?}", path.escape_ascii().to_string());
    if let Some(container) = &place.container {
        assert!(is_there(&container.id), "{}", context());
        assert!(path.starts_with(container.cgroup.as_bytes()), "{}", context());
    }
    if let Some(pod) = &place.pod {
        let dashes: Vec<u8> = path.iter().map(|byte| if *byte == b'_' { b'-' } else { *byte }).collect();
        assert!(has(&dashes, pod.uid.as_bytes()) && has(path, b"kubepods"), "{}", context());
    }
    for name in [&place.unit, &place.slice, &place.session].into_iter().flatten() {
        assert!(is_there(name), "{}", context());
    }
    if let Some(uid) = place.uid {
        assert!(has(path, b"user"), "{}: {uid}", context());
    }
    if let Some(job) = &place.job {
        assert!(is_there(&job.id), "{}", context());
    }
}

#[test]
fn accepts_any_bytes_as_a_path() {
    let mut numbers = Numbers(0x5eed);
    let alphabet = b"/-_.:@\\x2dabf019kubepodsdockerlxcscopesliceservicejob\0\xff\n";
    for _ in 0..20_000 {
        let length = numbers.below(160);
        let path: Vec<u8> = (0..length).map(|_| alphabet[numbers.below(alphabet.len())]).collect();
        nothing_made_up(&path);
    }
}

#[test]
fn damaged_paths_give_no_invented_names() {
    let mut numbers = Numbers(0xdead);
    for row in rows(REAL).into_iter().chain(rows(LOOK_ALIKES)) {
        nothing_made_up(row[0].as_bytes());
        for _ in 0..60 {
            let mut path = row[0].as_bytes().to_vec();
            for _ in 0..=numbers.below(3) {
                let at = numbers.below(path.len() + 1);
                match numbers.below(4) {
                    0 => path.truncate(at),
                    1 => path.insert(at, u8::try_from(numbers.below(256)).unwrap()),
                    2 if at < path.len() => drop(path.remove(at)),
                    _ => path.splice(at..at, row[0].bytes().skip(at)).for_each(drop),
                }
            }
            nothing_made_up(&path);
        }
    }
}

#[test]
fn rejects_container_ids_of_another_length() {
    for length in [12, 63, 65, 128] {
        let id = "c".repeat(length);
        for path in [format!("/docker/{id}"), format!("/system.slice/docker-{id}.scope"), format!("/{id}")] {
            assert_eq!(Place::of(path.as_bytes()).container, None, "{path}");
        }
    }
    let upper = "C".repeat(64);
    assert_eq!(Place::of(format!("/docker/{upper}").as_bytes()).container, None);
}
