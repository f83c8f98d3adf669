//! Programs whose only purpose is to kill before the kernel has to. The kernel side sends their SIGTERMs as well.

use aya::{Ebpf, maps::HashMap};
use oomtrace_common::limits::{COMM_BYTES, KILLER_NAMES};

use super::load::LoadError;
use crate::bytes::ByteString;

/// The known programs, by name or by executable.
pub const KNOWN: [&[u8]; 6] = [b"systemd-oomd", b"oomd", b"earlyoom", b"nohang", b"lmkd", b"bustd"];

/// The map with the names.
const MAP: &str = "KILLERS_NAMED";

/// Returns a name as the kernel keeps it, which is at most 15 bytes.
#[must_use]
pub fn cut(name: &[u8]) -> &[u8] {
    name.get(..COMM_BYTES - 1).unwrap_or(name)
}

/// Gives the kernel side the names of the known programs and of further ones.
///
/// # Errors
///
/// If there are more names than [`KILLER_NAMES`], or the kernel refuses to write to the map.
pub fn name(ebpf: &mut Ebpf, further: &[ByteString]) -> Result<(), LoadError> {
    ensure_room(further.len())?;
    let refused = |error| LoadError::Map(MAP, Box::new(error));
    let Some(map) = ebpf.map_mut(MAP) else { return Ok(()) };
    let mut names: HashMap<_, [u8; COMM_BYTES], u8> = HashMap::try_from(map).map_err(refused)?;
    let all = KNOWN.into_iter().chain(further.iter().map(ByteString::as_bytes));
    for name in all.filter(|name| !name.is_empty()) {
        names.insert(comm(name), 0, 0).map_err(refused)?;
    }
    Ok(())
}

/// Refuses more names than fit beside the known ones.
fn ensure_room(named: usize) -> Result<(), LoadError> {
    let most = usize::try_from(KILLER_NAMES).unwrap_or(usize::MAX) - KNOWN.len();
    if named > most { Err(LoadError::Killers { named, most }) } else { Ok(()) }
}

/// A name as the kernel side looks it up, filled with zeroes.
fn comm(name: &[u8]) -> [u8; COMM_BYTES] {
    let mut comm = [0; COMM_BYTES];
    for (to, from) in comm.iter_mut().zip(cut(name)) {
        *to = *from;
    }
    comm
}

#[cfg(test)]
mod tests {
    use super::{KNOWN, comm, cut, ensure_room};

    #[test]
    fn cuts_names_like_the_kernel() {
        assert!(KNOWN.iter().all(|name| cut(name) == *name));
        assert_eq!(cut(b"a-very-long-name-of-a-killer"), b"a-very-long-nam");
        assert_eq!(&comm(b"a-very-long-name-of-a-killer"), b"a-very-long-nam\0");
        assert_eq!(&comm(b"oomd"), b"oomd\0\0\0\0\0\0\0\0\0\0\0\0");
    }

    #[test]
    fn refuses_more_names_than_fit() {
        assert!(ensure_room(58).is_ok());
        let refusal = ensure_room(59).unwrap_err().to_string();
        assert_eq!(refusal, "--killer has 59 names, and the kernel side keeps 58: remove some");
    }
}
