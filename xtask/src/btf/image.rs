//! Extracts BTF from a kernel image.

use anyhow::{Context as _, Result, bail};
use object::{Object as _, ObjectSection as _, read::elf::ElfFile64};

use super::payload;

/// The first bytes of little-endian BTF.
const BTF: &[u8] = &[0x9f, 0xeb];
/// The offset of the signature of a bzImage.
const SIGNATURE_AT: usize = 0x202;
/// The offset of the number of 512-byte sectors before the protected-mode part, minus one.
const SETUP_SECTORS_AT: usize = 0x1f1;
/// The offset of the field with the start of the compressed kernel within that part. Since boot protocol 2.08.
/// <https://docs.kernel.org/arch/x86/boot.html>
const PAYLOAD_OFFSET_AT: usize = 0x248;
/// The offset of its length.
const PAYLOAD_LENGTH_AT: usize = 0x24c;

/// Returns the BTF of a bzImage, of an uncompressed `vmlinux`, or of a BTF file itself.
pub(super) fn btf_of(file: Vec<u8>) -> Result<Vec<u8>> {
    if file.starts_with(BTF) {
        return Ok(file);
    }
    if file.starts_with(b"\x7fELF") {
        return section(&file);
    }
    if file.get(SIGNATURE_AT..SIGNATURE_AT + 4) == Some(b"HdrS") {
        return section(&payload::decompress(compressed(&file)?)?);
    }
    bail!("neither an x86 bzImage, nor an ELF vmlinux, nor BTF")
}

fn section(vmlinux: &[u8]) -> Result<Vec<u8>> {
    let elf =
        ElfFile64::<object::LittleEndian>::parse(vmlinux).context("not a 64-bit little-endian ELF file")?;
    let section =
        elf.section_by_name(".BTF").context("no .BTF section: built without CONFIG_DEBUG_INFO_BTF")?;
    Ok(section.data()?.to_vec())
}

fn compressed(image: &[u8]) -> Result<&[u8]> {
    let sectors = usize::from(*image.get(SETUP_SECTORS_AT).context("the boot header is cut short")?);
    let start = (sectors + 1) * 512 + word(image, PAYLOAD_OFFSET_AT)?;
    let end = start + word(image, PAYLOAD_LENGTH_AT)?;
    image.get(start..end).context("the compressed kernel lies beyond the end of the image")
}

fn word(image: &[u8], at: usize) -> Result<usize> {
    let bytes =
        image.get(at..).and_then(|rest| rest.first_chunk::<4>()).context("the boot header is cut short")?;
    Ok(usize::try_from(u32::from_le_bytes(*bytes))?)
}
