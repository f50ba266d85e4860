//! What the operating system grants this process: memory, open files, mapped files, processor time, space.
//!
//! Everything that must be asked of the system directly is here and nowhere else. It must not know what the numbers are
//! used for.

use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::disk::Space;

#[cfg(test)]
mod tests;

/// Bytes of memory that the process may use: the machine's, or less if a control group says so.
pub fn memory_bytes() -> Option<u64> {
    let machine = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| total_memory(&text));
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok();
    let group = groups.and_then(|groups| group_memory(&groups, Path::new("/sys/fs/cgroup")));
    match (machine, group) {
        (Some(machine), Some(group)) => Some(machine.min(group)),
        (machine, group) => machine.or(group),
    }
}

fn total_memory(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kib| kib << 10)
}

/// The least that the process's control group and those above it allow. `groups` is `/proc/self/cgroup`; `mount` has
/// version 2 at its root or, as `memory`, version 1.
fn group_memory(groups: &str, mount: &Path) -> Option<u64> {
    let limits = groups.lines().flat_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, group) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let (root, file) = match controllers {
            "" => (mount.to_owned(), "memory.max"),
            _ if controllers.split(',').any(|c| c == "memory") => (mount.join("memory"), "memory.limit_in_bytes"),
            _ => return Vec::new(),
        };
        // Inside of a container its own group may be mounted as the root, so that only the last ancestors are there.
        let ancestors = Path::new(group.trim_start_matches('/')).ancestors().map(|a| root.join(a).join(file));
        ancestors.filter_map(|path| std::fs::read_to_string(path).ok()?.trim().parse::<u64>().ok()).collect()
    });
    limits.min()
}

/// Raises the limit of open files as far as the process may, and says what it is.
pub fn raise_open_files_max() -> io::Result<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a valid place for what is read and written.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let before = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max;
    // SAFETY: as above.
    let raised = unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) } == 0;
    Ok(if raised { limit.rlim_cur } else { before })
}

/// Files that the process has open.
pub fn open_files() -> io::Result<u64> {
    // One of them is the directory that is being read.
    Ok((std::fs::read_dir("/proc/self/fd")?.count() as u64).saturating_sub(1))
}

/// Mappings that the process may have.
pub fn maps_max() -> Option<u64> {
    std::fs::read_to_string("/proc/sys/vm/max_map_count").ok()?.trim().parse().ok()
}

/// Bytes that the process holds and that belong to no file.
pub fn anonymous_memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kib| kib << 10)
}

/// Lets other threads go first: so much higher than before is this thread's niceness from now on, for good.
pub fn give_way(steps: i32) {
    // SAFETY: no memory is involved; 0 is the calling thread. That it may fail is no harm.
    let _best_effort = unsafe {
        let niceness = libc::getpriority(libc::PRIO_PROCESS, 0);
        libc::setpriority(libc::PRIO_PROCESS, 0, niceness + steps)
    };
}

/// The space of the file system that holds `path`.
pub(crate) fn space(path: &Path) -> io::Result<Space> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    // SAFETY: all zeros is a value of this plain structure.
    let mut stat: libc::statvfs = unsafe { std::mem::zeroed() };
    // SAFETY: `path` ends with a zero and `stat` is a valid place for the answer.
    if unsafe { libc::statvfs(path.as_ptr(), &mut stat) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let (unit, used) = (stat.f_frsize, stat.f_blocks.saturating_sub(stat.f_bfree));
    // What only root may use is no part of the whole, as in `df`.
    Ok(Space { total_bytes: (used + stat.f_bavail) * unit, available_bytes: stat.f_bavail * unit })
}
