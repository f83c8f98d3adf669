//! The executable of a process and its path. If a kernel lacks one of these, only user space reads the executable.

use super::{
    Requirement,
    Shape::{Pointer, Struct},
    member, slot,
};

/// `struct file`, `dentry`, `vfsmount`, `mount`, and one field of `mm_struct`.
pub(super) const SLOTS: &[Requirement] = &[
    slot!(mm_struct_exe_file, Optional, [member("mm_struct", "exe_file", Pointer("file"))]),
    slot!(file_path_mnt, Optional, [member("file", "f_path.mnt", Pointer("vfsmount"))]),
    slot!(file_path_dentry, Optional, [member("file", "f_path.dentry", Pointer("dentry"))]),
    slot!(dentry_parent, Optional, [member("dentry", "d_parent", Pointer("dentry"))]),
    slot!(dentry_name, Optional, [member("dentry", "d_name.name", Pointer("unsigned char"))]),
    // A pointer to a pointer.
    slot!(dentry_hash_pprev, Optional, [member("dentry", "d_hash.pprev", Pointer(""))]),
    slot!(vfsmount_root, Optional, [member("vfsmount", "mnt_root", Pointer("dentry"))]),
    slot!(mount_mnt, Optional, [member("mount", "mnt", Struct)]),
    slot!(mount_parent, Optional, [member("mount", "mnt_parent", Pointer("mount"))]),
    slot!(mount_mountpoint, Optional, [member("mount", "mnt_mountpoint", Pointer("dentry"))]),
];
