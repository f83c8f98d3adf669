//! The path of a process's executable, from the kernel's structures, as `d_path` reads it.
//! <https://github.com/torvalds/linux/blob/v6.12/fs/d_path.c> (`prepend_path`)

use core::arch::asm;

use aya_ebpf::helpers::generated::bpf_probe_read_kernel_str;
use oomtrace_common::{
    event::Executable,
    layout::ABSENT,
    limits::{EXECUTABLE_BYTES, PATH_NAME_BYTES, PATH_STEPS},
};

use super::{
    layout::slot,
    read::{Address, Probed, Read as _, value},
};

/// Whether the layout has all fields of a path.
#[inline(always)]
pub(crate) fn is_readable() -> bool {
    slot!(mm_struct_exe_file) != ABSENT
        && slot!(file_path_mnt) != ABSENT
        && slot!(file_path_dentry) != ABSENT
        && slot!(dentry_parent) != ABSENT
        && slot!(dentry_name) != ABSENT
        && slot!(dentry_hash_pprev) != ABSENT
        && slot!(vfsmount_root) != ABSENT
        && slot!(mount_mnt) != ABSENT
        && slot!(mount_parent) != ABSENT
        && slot!(mount_mountpoint) != ABSENT
}

/// Copies the names in the path of the executable of `mm`, from the file up to the root. If a name cannot be read or does not fit,
/// [`Executable::WHOLE`] is missing.
#[inline(never)]
pub(crate) fn copy(mm: Address, out: &mut Executable) {
    let file = Probed::follow(mm, slot!(mm_struct_exe_file));
    let mut mnt = Probed::follow(file, slot!(file_path_mnt));
    let mut dentry = Probed::follow(file, slot!(file_path_dentry));
    let (pprev, status) = value::<Probed, u64>(dentry, slot!(dentry_hash_pprev));
    if status == 0 && pprev == 0 {
        out.flags |= Executable::DELETED;
    }
    for _ in 0..PATH_STEPS {
        if dentry == Probed::follow(mnt, slot!(vfsmount_root)) {
            let mount = before(mnt, slot!(mount_mnt));
            let above = Probed::follow(mount, slot!(mount_parent));
            if above == mount {
                out.flags |= Executable::WHOLE;
                break;
            }
            dentry = Probed::follow(mount, slot!(mount_mountpoint));
            mnt = above.cast::<u8>().wrapping_add(slot!(mount_mnt) as usize).cast();
            continue;
        }
        let parent = Probed::follow(dentry, slot!(dentry_parent));
        // A file without a directory has no path, such as one of `memfd_create`.
        if parent == dentry || parent.is_null() {
            break;
        }
        if !copy_name(Probed::follow(dentry, slot!(dentry_name)), out) {
            break;
        }
        dentry = parent;
    }
}

/// Appends one name to the text, and returns false if it does not fit or cannot be read.
///
/// The length of the text stays in the frame, because the verifier does not follow values there. In a register, it would have another
/// range in each turn of the loop, and the verifier would walk all paths of each turn: 122,000 instructions.
#[inline(always)]
fn copy_name(name: Address, out: &mut Executable) -> bool {
    const { assert!(EXECUTABLE_BYTES == 2 * PATH_NAME_BYTES && PATH_NAME_BYTES.is_power_of_two()) };
    // SAFETY: this is a field of a valid frame.
    let length = unsafe { core::ptr::read_volatile(&raw const out.text_bytes) };
    if length >= PATH_NAME_BYTES as u32 {
        return false;
    }
    let mut at = u64::from(length);
    // SAFETY: the instruction changes no value that passed the check above. It is an assembly instruction, because the compiler
    // would remove it, and the verifier of 5.10 forgets the check when the register is spilled.
    unsafe { asm!("{at} &= {mask}", at = inout(reg) at, mask = const PATH_NAME_BYTES - 1) };
    // SAFETY: `at` is less than half of the text, and the helper writes at most as many bytes as the other half has. It checks
    // the address and ends the copy with a NUL.
    let copied = unsafe {
        bpf_probe_read_kernel_str(
            out.text.as_mut_ptr().add(at as usize).cast(),
            const { PATH_NAME_BYTES as u32 },
            name,
        )
    };
    if copied <= 1 {
        return false;
    }
    // SAFETY: this is a field of a valid frame.
    unsafe { core::ptr::write_volatile(&raw mut out.text_bytes, length + copied as u32) };
    true
}

/// Returns the address of the structure that contains `member` at this offset.
#[inline(always)]
fn before(member: Address, offset: u32) -> Address {
    member.cast::<u8>().wrapping_sub(offset as usize).cast()
}
