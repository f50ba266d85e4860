//! What Linux says of a process: memory and processor time, and signals. Must not know servers.

use std::process::Command;

/// Bytes of memory a process holds that belong to no file.
pub(crate) fn anonymous_memory_bytes(pid: u32) -> u64 {
    status_kilobytes(pid, "RssAnon:") * 1024
}

/// The most memory a process ever held.
pub(crate) fn peak_memory_bytes(pid: u32) -> u64 {
    status_kilobytes(pid, "VmHWM:") * 1024
}

fn status_kilobytes(pid: u32, key: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(key)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Clock ticks of processor time, in user and kernel mode.
pub(crate) fn processor_ticks(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // The name is in parentheses and may hold spaces; utime and stime are the 12th and 13th fields after it.
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

/// The processors that this process, and what it starts, may run on.
pub(crate) fn processors() -> Vec<usize> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap();
    let number = |text: &str| text.trim().parse::<usize>().unwrap();
    let ranges = list.trim().split(',').map(|range| range.split_once('-').unwrap_or((range, range)));
    ranges.flat_map(|(first, last)| number(first)..=number(last)).collect()
}

/// Keeps the calling thread, and those that it starts, off a processor, where there is another.
pub(crate) fn keep_off(processor: Option<usize>) {
    let others: Vec<String> =
        processors().iter().filter(|nth| Some(**nth) != processor).map(ToString::to_string).collect();
    if processor.is_none() || others.is_empty() {
        return;
    }
    let thread = std::fs::read_link("/proc/thread-self").unwrap();
    let thread = thread.file_name().unwrap().to_str().unwrap().to_owned();
    let set = Command::new("taskset").args(["-p", "-c", &others.join(","), &thread]).output().unwrap();
    assert!(set.status.success(), "{set:?}");
}

/// Sends SIGTERM.
pub(crate) fn terminate(pid: u32) {
    signal("-TERM", pid);
}

/// Sends SIGHUP.
pub(crate) fn hang_up(pid: u32) {
    signal("-HUP", pid);
}

fn signal(name: &str, pid: u32) {
    let sent = Command::new("kill").args([name, &pid.to_string()]).status().unwrap();
    assert!(sent.success(), "cannot signal process {pid}");
}
