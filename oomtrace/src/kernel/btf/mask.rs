//! A small replacement for the kernel's BTF, in which a few names keep their ids.
//!
//! The loader needs an `aya::Btf` only to find the type ids of attach targets, but it creates an object for each of the
//! kernel's types. In this replacement all other types are `const void`, twelve bytes each, and none follow the last type that
//! is kept.

use super::{Btf, BtfError, Head, Kind, Writer};

/// BTF in which the functions and typedefs with these names have the ids that they have in `btf`. Every other type is
/// `const void`, and no type refers to another. Names that `btf` does not have are left out. So are kinds other than
/// [`Kind::Func`] and [`Kind::Typedef`], which are the two kinds that programs attach by.
///
/// # Errors
/// If `btf` is broken.
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
