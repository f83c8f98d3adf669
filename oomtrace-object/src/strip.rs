//! Removes debug information from an object.

use object::{
    build::elf::{Builder, SectionData},
    elf,
};

use crate::Result;

/// Removes the DWARF sections of an object and keeps BTF, the only debug information that a loader reads. The result is a tenth
/// of the size. Line information is then the only part with paths of the build machine.
///
/// # Errors
/// If the bytes are not an ELF file.
pub fn strip_debug(object: &[u8]) -> Result<Vec<u8>> {
    let mut builder = Builder::read(object)?;
    for section in builder.sections.iter_mut() {
        section.delete = is_debug(section.name.as_slice());
    }
    builder.delete_orphans();
    add_section_names(&mut builder);
    let mut stripped = Vec::new();
    builder.write(&mut stripped)?;
    Ok(stripped)
}

/// Separates the names of sections from the names of symbols. LLVM keeps both in one section, and the writer needs two.
fn add_section_names(builder: &mut Builder<'_>) {
    let section = builder.sections.add();
    section.name = ".shstrtab".into();
    section.sh_type = elf::SHT_STRTAB;
    section.sh_addralign = 1;
    section.data = SectionData::SectionString;
}

fn is_debug(section: &[u8]) -> bool {
    section.strip_prefix(b".rel").unwrap_or(section).starts_with(b".debug_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removes_debug_sections_and_keeps_btf() {
        assert!(is_debug(b".debug_info") && is_debug(b".rel.debug_line"));
        assert!(!is_debug(b".BTF") && !is_debug(b".rel.BTF.ext") && !is_debug(b".text"));
    }

    #[test]
    fn rejects_a_file_that_is_not_elf() {
        assert!(strip_debug(b"not an object").is_err());
    }
}
