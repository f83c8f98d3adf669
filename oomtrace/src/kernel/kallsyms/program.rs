//! Programs that look up one symbol, as a list of instructions. One takes a name from its stack and leaves the address in its
//! context, which the kernel copies back to this process. The other takes an address and leaves the name.
//!
//! They are built here and not compiled into the object, because kernels before 5.14 do not know this type of program, and aya
//! does not support it.

use std::os::fd::{AsRawFd as _, OwnedFd};

use zerocopy::{Immutable, IntoBytes};

/// `struct bpf_insn` on a little-endian machine.
/// <https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/bpf.h>
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoBytes, Immutable)]
pub(super) struct Instruction {
    /// Class, size and mode, or class and operation.
    pub(super) code: u8,
    /// The destination in the low half, the source in the high one.
    pub(super) registers: u8,
    /// The offset of a load or a store, in bytes.
    pub(super) offset: i16,
    /// The immediate operand.
    pub(super) immediate: i32,
}

/// `bpf_kallsyms_lookup_name(name, name_sz, flags, res)`, since 5.16: helper 179. It returns 0, `-ENOENT`, or `-EPERM` if
/// `/proc/kallsyms` shows zeros as well.
/// <https://github.com/torvalds/linux/blob/v6.12/kernel/bpf/syscall.c>
const KALLSYMS_LOOKUP_NAME: i32 = 179;

/// `bpf_snprintf(str, str_size, fmt, data, data_len)`, since 5.13: helper 165. It returns the length of the whole text with its
/// zero byte, or an error.
/// <https://github.com/torvalds/linux/blob/v6.12/kernel/bpf/helpers.c#L1019>
const SNPRINTF: i32 = 165;

/// The kernel's own format of a call in a call trace: `name+0xOFFSET/0xSIZE [module]`, for the call before the return address.
/// <https://github.com/torvalds/linux/blob/v6.12/kernel/kallsyms.c#L514> (`sprint_backtrace`)
pub(super) const CALL: &[u8; 8] = b"%pB\0\0\0\0\0";

/// Words of text in the context of [`naming`], after the address.
pub(super) const TEXT_WORDS: usize = 32;

/// `MAX_BPF_STACK`, in bytes.
/// <https://github.com/torvalds/linux/blob/v6.12/include/linux/filter.h>
const STACK_BYTES: usize = 512;

/// Bytes of the address, at the upper end of the stack.
const ADDRESS_BYTES: usize = 8;

/// The address's offset from the frame pointer.
const ADDRESS_AT: i16 = -8;

/// Arguments of the program (its context, in `R1`) and of a helper.
const R1: u8 = 1;
const R2: u8 = 2;
const R3: u8 = 3;
const R4: u8 = 4;
const R5: u8 = 5;
/// The return value of a helper or of the program.
const R0: u8 = 0;
/// A register that helpers preserve.
const R6: u8 = 6;
const R7: u8 = 7;
/// The frame pointer.
const FP: u8 = 10;

/// The program that looks up a symbol; `None` if the name does not fit the stack, is empty or contains a zero byte.
pub(super) fn program(name: &str) -> Option<Vec<Instruction>> {
    if name.is_empty() || name.contains('\0') {
        return None;
    }
    // The name with its zero byte, padded to the alignment of the stack.
    let size = name.len() + 1;
    let room = size.next_multiple_of(ADDRESS_BYTES);
    if room + ADDRESS_BYTES > STACK_BYTES {
        return None;
    }
    let name_at = ADDRESS_AT.checked_sub(i16::try_from(room).ok()?)?;
    let mut program = vec![copy(R6, R1), store_zero(ADDRESS_AT)];
    program.extend(spelled(name.as_bytes(), room, name_at));
    program.extend([copy(R1, FP), add(R1, name_at.into()), set(R2, i32::try_from(size).ok()?), set(R3, 0)]);
    program.extend([copy(R4, FP), add(R4, ADDRESS_AT.into()), call(KALLSYMS_LOOKUP_NAME)]);
    // The program returns R0, which is the helper's status.
    program.extend([load(R1, FP, ADDRESS_AT), store(R6, R1, 0), EXIT]);
    Some(program)
}

/// The program that names a call. Its context is the return address and room for [`TEXT_WORDS`] words of text. The map holds
/// [`CALL`]. `None` if a number does not fit.
pub(super) fn naming(format: &OwnedFd) -> Option<Vec<Instruction>> {
    let text_bytes = TEXT_WORDS.checked_mul(ADDRESS_BYTES)?;
    let text_at = ADDRESS_AT.checked_sub(i16::try_from(text_bytes).ok()?)?;
    let on_stack = || (text_at..ADDRESS_AT).step_by(ADDRESS_BYTES);
    let mut program = vec![copy(R6, R1), load(R1, R6, 0), store(FP, R1, ADDRESS_AT)];
    program.extend(on_stack().map(store_zero));
    program.extend([copy(R1, FP), add(R1, text_at.into()), set(R2, i32::try_from(text_bytes).ok()?)]);
    program.extend(map_value(R3, format.as_raw_fd()));
    program.extend([copy(R4, FP), add(R4, ADDRESS_AT.into()), set(R5, i32::try_from(ADDRESS_BYTES).ok()?)]);
    program.extend([call(SNPRINTF), copy(R7, R0)]);
    for (at, to) in on_stack().zip((0..).step_by(ADDRESS_BYTES).skip(1)) {
        program.extend([load(R1, FP, at), store(R6, R1, to)]);
    }
    program.extend([copy(R0, R7), EXIT]);
    Some(program)
}

/// Instructions that write the name onto the stack, padded with zeros.
fn spelled(name: &[u8], room: usize, name_at: i16) -> impl Iterator<Item = Instruction> {
    let mut padded = name.to_vec();
    padded.resize(room, 0);
    let (words, _) = padded.as_chunks::<4>();
    let words: Vec<i32> = words.iter().map(|word| i32::from_le_bytes(*word)).collect();
    (name_at..).step_by(4).zip(words).map(|(at, word)| store_word(at, word))
}

const fn instruction(code: u8, to: u8, from: u8, offset: i16, immediate: i32) -> Instruction {
    Instruction { code, registers: from << 4 | to, offset, immediate }
}

/// `BPF_ALU64 | BPF_MOV | BPF_X`
const fn copy(to: u8, from: u8) -> Instruction {
    instruction(0xbf, to, from, 0, 0)
}

/// `BPF_ALU64 | BPF_MOV | BPF_K`
const fn set(to: u8, value: i32) -> Instruction {
    instruction(0xb7, to, 0, 0, value)
}

/// `BPF_LD | BPF_IMM | BPF_DW` of `BPF_PSEUDO_MAP_VALUE`, which takes two instructions: the address of the map's first element.
const fn map_value(to: u8, map: i32) -> [Instruction; 2] {
    [instruction(0x18, to, 2, 0, map), instruction(0, 0, 0, 0, 0)]
}

/// `BPF_ALU64 | BPF_ADD | BPF_K`
const fn add(to: u8, value: i32) -> Instruction {
    instruction(0x07, to, 0, 0, value)
}

/// `BPF_ST | BPF_MEM | BPF_DW`
const fn store_zero(at: i16) -> Instruction {
    instruction(0x7a, FP, 0, at, 0)
}

/// `BPF_ST | BPF_MEM | BPF_W`
const fn store_word(at: i16, word: i32) -> Instruction {
    instruction(0x62, FP, 0, at, word)
}

/// `BPF_LDX | BPF_MEM | BPF_DW`
const fn load(to: u8, base: u8, at: i16) -> Instruction {
    instruction(0x79, to, base, at, 0)
}

/// `BPF_STX | BPF_MEM | BPF_DW`
const fn store(base: u8, from: u8, at: i16) -> Instruction {
    instruction(0x7b, base, from, at, 0)
}

/// `BPF_JMP | BPF_CALL`
const fn call(number: i32) -> Instruction {
    instruction(0x85, 0, 0, 0, number)
}

/// `BPF_JMP | BPF_EXIT`
const EXIT: Instruction = instruction(0x95, 0, 0, 0, 0);

#[cfg(test)]
mod tests {
    use super::*;

    /// The expected bytes are those of `llvm-mc -triple bpfel`.
    #[test]
    fn encodes_each_instruction() {
        let program = program("stext").unwrap();
        let expected: [[u8; 8]; 14] = [
            [0xbf, 0x16, 0, 0, 0, 0, 0, 0],                   // r6 = r1
            [0x7a, 0x0a, 0xf8, 0xff, 0, 0, 0, 0],             // *(u64 *)(r10 - 8) = 0
            [0x62, 0x0a, 0xf0, 0xff, b's', b't', b'e', b'x'], // *(u32 *)(r10 - 16) = "stex"
            [0x62, 0x0a, 0xf4, 0xff, b't', 0, 0, 0],          // *(u32 *)(r10 - 12) = "t"
            [0xbf, 0xa1, 0, 0, 0, 0, 0, 0],                   // r1 = r10
            [0x07, 0x01, 0, 0, 0xf0, 0xff, 0xff, 0xff],       // r1 += -16
            [0xb7, 0x02, 0, 0, 6, 0, 0, 0],                   // r2 = 6
            [0xb7, 0x03, 0, 0, 0, 0, 0, 0],                   // r3 = 0
            [0xbf, 0xa4, 0, 0, 0, 0, 0, 0],                   // r4 = r10
            [0x07, 0x04, 0, 0, 0xf8, 0xff, 0xff, 0xff],       // r4 += -8
            [0x85, 0, 0, 0, 179, 0, 0, 0],                    // call 179
            [0x79, 0xa1, 0xf8, 0xff, 0, 0, 0, 0],             // r1 = *(u64 *)(r10 - 8)
            [0x7b, 0x16, 0, 0, 0, 0, 0, 0],                   // *(u64 *)(r6 + 0) = r1
            [0x95, 0, 0, 0, 0, 0, 0, 0],                      // exit
        ];
        assert_eq!(program.as_bytes(), expected.as_flattened());
    }

    #[test]
    fn pads_names_to_whole_slots() {
        // Seven bytes and the zero byte fill one slot. One more byte takes the next slot.
        assert_eq!(program("seven77").unwrap().len(), program("x").unwrap().len());
        assert_eq!(program("eight888").unwrap().len(), program("x").unwrap().len() + 2);
        assert!(program(&"x".repeat(STACK_BYTES - ADDRESS_BYTES - 1)).is_some());
        assert!(program(&"x".repeat(STACK_BYTES - ADDRESS_BYTES)).is_none());
    }
}
