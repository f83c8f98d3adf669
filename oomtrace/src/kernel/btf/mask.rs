//! A small stand-in for the kernel's BTF, in which a few names keep their ids.
//!
//! The loader needs an `aya::Btf` only to turn the names of attach targets into type ids, and makes an object of
//! each of the kernel's types for it. Here all others are `const void`, twelve bytes, and none come after the last
//! one kept.

use super::{Btf, BtfError, Head, Kind, Writer};

/// BTF in which the functions and typedefs of these names have the ids they have in `btf`, every other type is
/// `const void`, and nothing refers to anything. Names that `btf` does not have are left out; so are kinds other
/// than [`Kind::Func`] and [`Kind::Typedef`], the two that programs attach by.
///
/// # Errors
/// When `btf` is broken.
pub fn masked(btf: &Btf, keep: &[(Kind, &str)]) -> Result<Vec<u8>, BtfError> {
    let mut kept: Vec<(u32, Kind, &str)> = Vec::new();
    for (kind, name) in keep.iter().filter(|(kind, _)| matches!(kind, Kind::Func | Kind::Typedef)) {
        kept.extend(btf.find(*kind, name).map(|found| (found.id(), *kind, *name)));
    }
    kept.sort_unstable_by_key(|(id, ..)| *id);
    kept.dedup_by_key(|(id, ..)| *id);
    let mut writer = Writer::new();
    let mut next = 1;
    for (id, kind, name) in kept {
        for _ in next..id {
            writer.add(Head::new(Kind::Const, "", 0), &[])?;
        }
        writer.add(Head::new(kind, name, 0), &[])?;
        next = id + 1;
    }
    writer.finish()
}
