//! What a function may use: limits of the kernel's, a second wall around its files, and fewer system calls.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use landlock::{
    ABI, Access as _, AccessFs, BitFlags, PathBeneath, PathFd, Ruleset, RulesetAttr as _,
    RulesetCreatedAttr as _, Scope,
};
use rustix::process::{Resource, Rlimit, setpriority_process, setrlimit};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule,
};

use super::Order;
use super::failed;

/// Files that a function's process may have open, as in Lambda.
const FILES_MAX: u64 = 1_024;
/// Processes and threads of a function. Lambda has 1,024; their memory is looked at every few milliseconds here.
const PROCESSES_MAX: u64 = 256;
/// Address space for data beyond the memory that a function has: runtimes reserve more than they use. It bounds what a
/// process can take between two looks at it.
const DATA_BEYOND_BYTES: u64 = 1_024 * 1_024 * 1_024;
/// The lowest priority but one: a function never takes the processor from the server.
const NICENESS: i32 = 15;

/// Lets the server go first, for the processor and when memory runs out.
pub(super) fn yield_to_others() -> Result<(), String> {
    setpriority_process(None, NICENESS).map_err(failed("setpriority"))?;
    fs::write("/proc/self/oom_score_adj", "1000")
        .map_err(|error| format!("/proc/self/oom_score_adj: {error}"))
}

/// The kernel's limits for each process.
pub(super) fn limit(tmp_bytes: u64, memory_bytes: u64) -> Result<(), String> {
    for (resource, most) in [
        (Resource::Core, 0),
        (Resource::Fsize, tmp_bytes),
        (Resource::Nofile, FILES_MAX),
        (Resource::Nproc, PROCESSES_MAX),
        (
            Resource::Data,
            memory_bytes.saturating_add(DATA_BEYOND_BYTES),
        ),
        (Resource::Msgqueue, 0),
        (Resource::Rtprio, 0),
    ] {
        let most = rustix::process::getrlimit(resource)
            .maximum
            .map_or(most, |own| own.min(most));
        let limit = Rlimit {
            current: Some(most),
            maximum: Some(most),
        };
        setrlimit(resource, limit).map_err(failed("setrlimit"))?;
    }
    Ok(())
}

/// A second wall around files, and one around other processes and abstract sockets, which namespaces of files leave open.
/// On a kernel without Landlock there is the first wall alone.
pub(super) fn confine_files(order: &Order) -> Result<(), String> {
    let rules = || -> Result<(), landlock::RulesetError> {
        let all = AccessFs::from_all(NEWEST);
        let read = AccessFs::from_read(NEWEST);
        let mut ruleset = Ruleset::default()
            .handle_access(all)?
            .scope(Scope::AbstractUnixSocket | Scope::Signal)?
            .create()?;
        let seen = ["/proc", "/dev", "/etc", "/var"].map(Path::new);
        let readable = order.readable.iter().map(|path| path.as_path());
        for path in seen.into_iter().chain(readable) {
            ruleset = allow(ruleset, path, read)?;
        }
        ruleset = allow(ruleset, Path::new("/tmp"), all)?;
        for device in ["/dev/null", "/dev/zero", "/dev/full", "/proc"] {
            ruleset = allow(ruleset, Path::new(device), read | AccessFs::WriteFile)?;
        }
        ruleset.restrict_self()?;
        Ok(())
    };
    rules().map_err(|error| format!("Landlock refused a rule: {error}"))
}

fn allow(
    ruleset: landlock::RulesetCreated,
    path: &Path,
    access: BitFlags<AccessFs>,
) -> Result<landlock::RulesetCreated, landlock::RulesetError> {
    let Ok(place) = PathFd::new(path) else {
        // Not on this machine.
        return Ok(ruleset);
    };
    let is_file = fs::metadata(path).is_ok_and(|kind| !kind.is_dir());
    let access = if is_file {
        access & AccessFs::from_file(NEWEST)
    } else {
        access
    };
    ruleset.add_rule(PathBeneath::new(place, access))
}

/// The newest Landlock that is understood here; on older kernels less is enforced.
const NEWEST: ABI = ABI::V7;

/// Refuses what no function needs: whatever builds namespaces and mounts, looks into processes, keeps memory that no
/// limit counts, or has been the kernel's weak spot.
pub(super) fn filter_system_calls() -> Result<(), String> {
    let refused = refused_calls().map_err(not_filtered)?;
    apply(refused, libc::EPERM)?;
    // Libraries go on without these if they seem not to exist.
    let absent = ABSENT.iter().map(|call| (*call, Vec::new())).collect();
    apply(absent, libc::ENOSYS)
}

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

fn refused_calls() -> Result<Rules, seccompiler::BackendError> {
    let mut rules: Rules = REFUSED.iter().map(|call| (*call, Vec::new())).collect();
    // Starting processes is allowed, namespaces for them are not.
    let mut cloning = Vec::new();
    for flag in NAMESPACES {
        let flag = u64::try_from(*flag).unwrap_or_default();
        let set = SeccompCmpOp::MaskedEq(flag);
        cloning.push(SeccompRule::new(vec![SeccompCondition::new(
            0,
            SeccompCmpArgLen::Qword,
            set,
            flag,
        )?])?);
    }
    rules.insert(libc::SYS_clone, cloning);
    // Sockets of every family but the usual ones: no raw devices, no virtual machine's host, no kernel cryptography.
    let mut unusual = Vec::new();
    for family in FAMILIES {
        let family = u64::try_from(*family).unwrap_or_default();
        unusual.push(SeccompCondition::new(
            0,
            SeccompCmpArgLen::Dword,
            SeccompCmpOp::Ne,
            family,
        )?);
    }
    rules.insert(libc::SYS_socket, vec![SeccompRule::new(unusual)?]);
    Ok(rules)
}

fn apply(rules: Rules, error: i32) -> Result<(), String> {
    let architecture = std::env::consts::ARCH.try_into().map_err(not_filtered)?;
    let filter = SeccompFilter::new(
        rules,
        SeccompAction::Allow,
        SeccompAction::Errno(error.unsigned_abs()),
        architecture,
    );
    let program: BpfProgram = filter.and_then(TryInto::try_into).map_err(not_filtered)?;
    seccompiler::apply_filter(&program)
        .map_err(|error| format!("system calls can't be filtered: {error}"))
}

fn not_filtered(error: seccompiler::BackendError) -> String {
    format!("system calls can't be filtered: {error}")
}

const FAMILIES: &[i32] = &[
    libc::AF_UNIX,
    libc::AF_INET,
    libc::AF_INET6,
    libc::AF_NETLINK,
];

const NAMESPACES: &[i32] = &[
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWNS,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWCGROUP,
];

const REFUSED: &[i64] = &[
    libc::SYS_acct,
    libc::SYS_add_key,
    libc::SYS_bpf,
    libc::SYS_chroot,
    libc::SYS_clock_settime,
    libc::SYS_delete_module,
    libc::SYS_fanotify_init,
    libc::SYS_finit_module,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fsopen,
    libc::SYS_fspick,
    libc::SYS_init_module,
    libc::SYS_kcmp,
    libc::SYS_kexec_load,
    libc::SYS_keyctl,
    libc::SYS_mount,
    libc::SYS_mount_setattr,
    libc::SYS_move_mount,
    libc::SYS_move_pages,
    libc::SYS_mq_open,
    libc::SYS_msgget,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_open_tree,
    libc::SYS_perf_event_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_pivot_root,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_ptrace,
    libc::SYS_quotactl,
    libc::SYS_reboot,
    libc::SYS_request_key,
    libc::SYS_semget,
    libc::SYS_setns,
    libc::SYS_settimeofday,
    libc::SYS_shmget,
    libc::SYS_swapoff,
    libc::SYS_swapon,
    libc::SYS_syslog,
    libc::SYS_umount2,
    libc::SYS_unshare,
    libc::SYS_vhangup,
];

const ABSENT: &[i64] = &[
    // Its flags are out of a filter's sight; without it, clone is used.
    libc::SYS_clone3,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_io_uring_setup,
    // Memory that belongs to no process, so that none is charged for it.
    libc::SYS_memfd_create,
    libc::SYS_memfd_secret,
    libc::SYS_userfaultfd,
];
