//! The system calls that a tracer needs once it is armed. A filter refuses all others. A compromised tracer then cannot start a
//! program, load one into the kernel, mount anything, trace a process or open a network connection. The filter does not see
//! paths: the tracer can still open every file that its capabilities allow, `/proc/PID/mem` included.

use std::{collections::BTreeMap, env::consts::ARCH};

use libc::c_long;
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule,
};

/// The reason why the filter could not be installed.
#[derive(Debug, thiserror::Error)]
pub enum RefuseError {
    /// The filter could not be built.
    #[error("making the filter of system calls: {0}")]
    Make(#[from] BackendError),
    /// The kernel rejected the filter.
    #[error("installing the filter of system calls: {0}")]
    Install(#[from] seccompiler::Error),
}

/// Files: procfs, sysfs, cgroups and recordings.
const FILES: &[c_long] = &[
    libc::SYS_close,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_fadvise64,
    libc::SYS_fallocate,
    libc::SYS_fcntl,
    libc::SYS_fdatasync,
    libc::SYS_flock,
    libc::SYS_fstat,
    libc::SYS_fstatfs,
    libc::SYS_fsync,
    libc::SYS_ftruncate,
    libc::SYS_getcwd,
    libc::SYS_getdents64,
    libc::SYS_ioctl,
    libc::SYS_lseek,
    libc::SYS_mkdirat,
    libc::SYS_name_to_handle_at,
    libc::SYS_newfstatat,
    libc::SYS_open_by_handle_at,
    libc::SYS_openat,
    libc::SYS_openat2,
    libc::SYS_pread64,
    libc::SYS_preadv,
    libc::SYS_pwrite64,
    libc::SYS_pwritev,
    libc::SYS_read,
    libc::SYS_readlinkat,
    libc::SYS_readv,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_statfs,
    libc::SYS_statx,
    libc::SYS_sync_file_range,
    libc::SYS_unlinkat,
    libc::SYS_write,
    libc::SYS_writev,
];

/// Waiting: for frames, for signals, for files that change.
const WAITING: &[c_long] = &[
    libc::SYS_clock_nanosleep,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2,
    libc::SYS_eventfd2,
    libc::SYS_futex,
    libc::SYS_inotify_add_watch,
    libc::SYS_inotify_init1,
    libc::SYS_inotify_rm_watch,
    libc::SYS_nanosleep,
    libc::SYS_pipe2,
    libc::SYS_ppoll,
    libc::SYS_pselect6,
    libc::SYS_restart_syscall,
    libc::SYS_sched_yield,
    libc::SYS_signalfd4,
    libc::SYS_timerfd_create,
    libc::SYS_timerfd_gettime,
    libc::SYS_timerfd_settime,
];

/// This process's memory and threads.
const OWN: &[c_long] = &[
    libc::SYS_brk,
    libc::SYS_capget,
    libc::SYS_capset,
    libc::SYS_clone,
    libc::SYS_clone3,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_get_robust_list,
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_getpriority,
    libc::SYS_gettid,
    libc::SYS_madvise,
    libc::SYS_membarrier,
    libc::SYS_mlock,
    libc::SYS_mlock2,
    libc::SYS_mlockall,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_munlock,
    libc::SYS_munlockall,
    libc::SYS_munmap,
    libc::SYS_prctl,
    libc::SYS_prlimit64,
    libc::SYS_rseq,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_getparam,
    libc::SYS_sched_getscheduler,
    libc::SYS_sched_setaffinity,
    libc::SYS_sched_setattr,
    libc::SYS_sched_setparam,
    libc::SYS_sched_setscheduler,
    libc::SYS_set_robust_list,
    libc::SYS_set_tid_address,
    libc::SYS_setpriority,
    libc::SYS_sigaltstack,
];

/// Signals, children, and questions about time and identity.
const OTHERS: &[c_long] = &[
    libc::SYS_clock_getres,
    libc::SYS_clock_gettime,
    libc::SYS_getcpu,
    libc::SYS_getegid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getrandom,
    libc::SYS_getrusage,
    libc::SYS_gettimeofday,
    libc::SYS_getuid,
    libc::SYS_kill,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_send_signal,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigpending,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigsuspend,
    libc::SYS_rt_sigtimedwait,
    libc::SYS_sysinfo,
    libc::SYS_tgkill,
    libc::SYS_times,
    libc::SYS_uname,
    libc::SYS_wait4,
    libc::SYS_waitid,
];

/// Older names of these calls, which some C libraries still use on x86_64.
#[cfg(target_arch = "x86_64")]
const OLDER: &[c_long] = &[
    libc::SYS_access,
    libc::SYS_arch_prctl,
    libc::SYS_dup2,
    libc::SYS_epoll_create,
    libc::SYS_epoll_wait,
    libc::SYS_eventfd,
    libc::SYS_getdents,
    libc::SYS_lstat,
    libc::SYS_mkdir,
    libc::SYS_open,
    libc::SYS_pipe,
    libc::SYS_poll,
    libc::SYS_readlink,
    libc::SYS_rename,
    libc::SYS_select,
    libc::SYS_stat,
    libc::SYS_time,
    libc::SYS_unlink,
];
#[cfg(not(target_arch = "x86_64"))]
const OLDER: &[c_long] = &[];

/// Local sockets, which supervisors listen on.
const SOCKETS: &[c_long] = &[
    libc::SYS_connect,
    libc::SYS_getsockopt,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_sendmsg,
    libc::SYS_sendto,
    libc::SYS_setsockopt,
    libc::SYS_shutdown,
];

/// Calls that answer scrapes: connections to a socket that listens already.
const CONNECTIONS: &[c_long] = &[libc::SYS_accept4, libc::SYS_getpeername, libc::SYS_getsockname];

/// The tasks of a tracer besides tracing and recording.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Needs {
    /// None, or it writes to a local socket.
    #[default]
    Nothing,
    /// It accepts connections.
    Connections,
    /// It starts programs, which need all system calls.
    Programs,
}

/// Commands of `bpf(2)` that read maps and run a loaded program. None of them loads, attaches or creates anything.
/// <https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/bpf.h#L916>
const BPF_COMMANDS: [u64; 7] = [
    MAP_LOOKUP_ELEM,
    MAP_UPDATE_ELEM,
    MAP_DELETE_ELEM,
    MAP_GET_NEXT_KEY,
    PROG_TEST_RUN,
    OBJ_GET_INFO_BY_FD,
    MAP_LOOKUP_AND_DELETE_ELEM,
];
const MAP_LOOKUP_ELEM: u64 = 1;
const MAP_UPDATE_ELEM: u64 = 2;
const MAP_DELETE_ELEM: u64 = 3;
const MAP_GET_NEXT_KEY: u64 = 4;
const PROG_TEST_RUN: u64 = 10;
const OBJ_GET_INFO_BY_FD: u64 = 15;
const MAP_LOOKUP_AND_DELETE_ELEM: u64 = 21;

/// `AF_UNIX`.
const LOCAL: u64 = 1;

/// Installs the filter in every thread of the process. It cannot be removed. A refused call fails with `ENOSYS`, so that a
/// library can fall back to an older call. With [`Needs::Programs`] only the calling thread gets the filter, because programs
/// inherit it.
///
/// # Errors
///
/// If the kernel has no seccomp filters, or the process may not install one. No call is then refused.
pub fn refuse_all_others(needs: Needs) -> Result<(), RefuseError> {
    let filter = filter(needs)?;
    match needs {
        Needs::Nothing | Needs::Connections => seccompiler::apply_filter_all_threads(&filter)?,
        Needs::Programs => seccompiler::apply_filter(&filter)?,
    }
    Ok(())
}

fn filter(needs: Needs) -> Result<BpfProgram, BackendError> {
    let connections = if needs == Needs::Connections { CONNECTIONS } else { &[] };
    let whole = [FILES, WAITING, OWN, OTHERS, OLDER, SOCKETS, connections].concat();
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        whole.into_iter().map(|call| (call, Vec::new())).collect();
    let commands = BPF_COMMANDS.into_iter().map(first_argument_is);
    rules.insert(libc::SYS_bpf, commands.collect::<Result<_, _>>()?);
    rules.insert(libc::SYS_socket, vec![first_argument_is(LOCAL)?]);
    let refused = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
    SeccompFilter::new(rules, refused, SeccompAction::Allow, ARCH.try_into()?)?.try_into()
}

fn first_argument_is(value: u64) -> Result<SeccompRule, BackendError> {
    let is = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)?;
    SeccompRule::new(vec![is])
}

#[cfg(test)]
mod tests {
    use std::{
        fs::File,
        io::{self, Error},
        net::{TcpListener, TcpStream},
        os::unix::net::UnixDatagram,
        process::Command,
        thread,
    };

    use super::{Needs, filter};

    fn refused<T>(outcome: io::Result<T>) -> bool {
        outcome.err().and_then(|error| error.raw_os_error()) == Some(libc::ENOSYS)
    }

    /// A raw call with arguments that have no effect if the call is allowed.
    fn call(number: libc::c_long, first: usize) -> io::Result<()> {
        // SAFETY: every pointer among the arguments is null, so the kernel returns an error.
        match unsafe { libc::syscall(number, first, 0usize, 0usize, 0usize, 0usize) } {
            -1 => Err(Error::last_os_error()),
            _ => Ok(()),
        }
    }

    /// Runs a function in a new thread, which alone has the filter.
    fn with_filter<T: Send>(then: impl FnOnce() -> T + Send) -> T {
        with_filter_for(Needs::Nothing, then)
    }

    fn with_filter_for<T: Send>(needs: Needs, then: impl FnOnce() -> T + Send) -> T {
        let confined = || {
            seccompiler::apply_filter(&filter(needs).unwrap()).unwrap();
            then()
        };
        thread::scope(|scope| scope.spawn(confined).join().unwrap())
    }

    #[test]
    fn refuses_to_start_or_load_programs() {
        const PROG_LOAD: usize = 5;
        with_filter(|| {
            assert!(refused(call(libc::SYS_execve, 0)));
            assert!(refused(call(libc::SYS_execveat, 0)));
            assert!(refused(Command::new("/bin/true").status()));
            assert!(refused(call(libc::SYS_bpf, PROG_LOAD)));
            assert!(refused(call(libc::SYS_init_module, 0)));
            assert!(refused(call(libc::SYS_kexec_load, 0)));
        });
        assert!(!refused(call(libc::SYS_bpf, PROG_LOAD)), "other threads are as they were");
    }

    #[test]
    fn refuses_to_trace_processes_and_to_mount() {
        with_filter(|| {
            for number in [libc::SYS_ptrace, libc::SYS_process_vm_readv, libc::SYS_process_vm_writev] {
                assert!(refused(call(number, usize::MAX)), "{number}");
            }
            for number in
                [libc::SYS_mount, libc::SYS_umount2, libc::SYS_setns, libc::SYS_unshare, libc::SYS_chroot]
            {
                assert!(refused(call(number, 0)), "{number}");
            }
        });
    }

    #[test]
    fn refuses_the_network_but_not_local_sockets() {
        with_filter(|| {
            assert!(refused(TcpListener::bind("127.0.0.1:0")));
            assert!(UnixDatagram::unbound().is_ok());
        });
        assert!(TcpListener::bind("127.0.0.1:0").is_ok());
    }

    #[test]
    fn accepts_connections_only_if_scrapes_are_answered() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let connections = [(); 2].map(|()| TcpStream::connect(address).unwrap());
        assert!(refused(with_filter(|| listener.accept())));
        assert!(with_filter_for(Needs::Connections, || listener.accept()).is_ok());
        assert!(with_filter_for(Needs::Connections, || refused(TcpStream::connect(address))));
        drop(connections);
    }

    #[test]
    fn allows_the_calls_that_tracing_needs() {
        with_filter(|| {
            assert!(File::open("/proc/self/status").is_ok());
            assert!(thread::spawn(|| true).join().unwrap());
            // Reading a map, and running the program that names calls. The kernel rejects the null attributes itself.
            for command in [super::MAP_LOOKUP_ELEM, super::PROG_TEST_RUN] {
                let tried = call(libc::SYS_bpf, usize::try_from(command).unwrap());
                assert!(tried.is_err() && !refused(tried), "{command}");
            }
        });
    }
}
