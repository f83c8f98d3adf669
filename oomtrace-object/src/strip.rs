use object::{
    build::elf::{Builder, SectionData},
    elf,
};

use crate::Result;

/// Removes the DWARF sections of an object and keeps BTF, all that a loader reads: a tenth of the size, and nothing
/// of the build machine's paths but line information.
///
/// # Errors
/// If the bytes are no ELF file.
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

/// LLVM keeps the names of sections and symbols in one section. The writer wants them apart.
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
    fn debug_sections_go_and_btf_stays() {
        assert!(is_debug(b".debug_info") && is_debug(b".rel.debug_line"));
        assert!(!is_debug(b".BTF") && !is_debug(b".rel.BTF.ext") && !is_debug(b".text"));
    }

    #[test]
    fn what_is_no_elf_file_is_refused() {
        assert!(strip_debug(b"not an object").is_err());
    }
}
