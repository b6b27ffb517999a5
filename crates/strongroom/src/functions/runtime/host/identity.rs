//! Who a function is: nobody. Namespaces in which it has no rights, and an identity that owns nothing outside.

use std::fs;

use rustix::fs::{Gid, Uid};
use rustix::process::{DumpableBehavior, getegid, geteuid, getpid, set_dumpable_behavior};
use rustix::thread::{
    CapabilitySet, CapabilitySets, UnshareFlags, capabilities, set_capabilities, set_no_new_privs,
    set_thread_groups, set_thread_res_gid, set_thread_res_uid,
};

use super::failed;

/// The user that a function sees itself as, as in Lambda.
pub(super) const USER: u32 = 993;
/// Its group.
pub(super) const GROUP: u32 = 990;

/// Where identities begin that root gives to functions, one to each process: above all that are given out to people,
/// by directories or to containers.
const IDENTITY_FIRST: u32 = 2_000_000_000;

/// Moves this process into namespaces of its own, and its children into a process namespace of theirs. Returns the
/// identity that its function is to take, where it can have another one than ours.
///
/// Root stays root here, so that it can give the function another identity afterwards; anyone else becomes root of a new
/// user namespace, which has no rights outside.
pub(super) fn enter_namespaces() -> Result<Option<u32>, String> {
    let common = UnshareFlags::NEWNS
        | UnshareFlags::NEWPID
        | UnshareFlags::NEWIPC
        | UnshareFlags::NEWUTS
        | UnshareFlags::NEWCGROUP;
    if is_privileged() {
        unshare(common)?;
        // No other process that lives has this id, so no other function has this identity.
        return Ok(Some(
            IDENTITY_FIRST + getpid().as_raw_nonzero().get().unsigned_abs(),
        ));
    }
    let (user, group) = (geteuid().as_raw(), getegid().as_raw());
    unshare(UnshareFlags::NEWUSER | common)?;
    map_identity((0, user), (0, group))?;
    Ok(None)
}

/// Leaves all rights behind, for good.
pub(super) fn drop_privileges(identity: Option<u32>) -> Result<(), String> {
    set_no_new_privs(true).map_err(failed("PR_SET_NO_NEW_PRIVS"))?;
    if let Some(identity) = identity {
        let (user, group) = (Uid::from_raw(identity), Gid::from_raw(identity));
        set_thread_groups(&[]).map_err(failed("setgroups"))?;
        set_thread_res_gid(group, group, group).map_err(failed("setresgid"))?;
        set_thread_res_uid(user, user, user).map_err(failed("setresuid"))?;
        // After a change of identity a process may not look at itself, which it must to be mapped.
        set_dumpable_behavior(DumpableBehavior::Dumpable).map_err(failed("PR_SET_DUMPABLE"))?;
    }
    let (user, group) = (geteuid().as_raw(), getegid().as_raw());
    // Below the namespace that owns the mounts: whatever rights a function wins in its own are none over these.
    unshare(UnshareFlags::NEWUSER)?;
    map_identity((USER, user), (GROUP, group))?;
    let none = CapabilitySet::empty();
    let sets = CapabilitySets {
        effective: none,
        permitted: none,
        inheritable: none,
    };
    set_capabilities(None, sets).map_err(failed("capset"))
}

fn is_privileged() -> bool {
    let needed = CapabilitySet::SYS_ADMIN | CapabilitySet::SETUID | CapabilitySet::SETGID;
    geteuid().is_root() && capabilities(None).is_ok_and(|held| held.effective.contains(needed))
}

#[expect(
    deprecated,
    reason = "its replacement is unsafe for the sake of unsharing open files, which isn't done here"
)]
fn unshare(flags: UnshareFlags) -> Result<(), String> {
    rustix::thread::unshare(flags).map_err(|error| {
        format!(
            "functions can't be kept apart from the rest of this machine: namespaces are refused ({error}). {REMEDY}"
        )
    })
}

/// Says which identity outside one of this user namespace is: each is (inside, outside).
fn map_identity(user: (u32, u32), group: (u32, u32)) -> Result<(), String> {
    let write = |file: &str, content: String| {
        let path = format!("/proc/self/{file}");
        fs::write(&path, content)
            .map_err(|error| format!("{path} can't be written: {error}. {REMEDY}"))
    };
    write("setgroups", "deny".to_owned())?;
    write("uid_map", format!("{} {} 1", user.0, user.1))?;
    write("gid_map", format!("{} {} 1", group.0, group.1))
}

/// What an operator does where namespaces are refused.
const REMEDY: &str = "Allow unprivileged user namespaces (sysctl user.max_user_namespaces above 0, kernel.apparmor_restrict_unprivileged_userns=0 or a profile that allows userns; in a container, a seccomp profile that allows them), or give the functions to a server of their own with functions.endpoints. docs/functions.md has more";
