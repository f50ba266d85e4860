//! What the system says, read from texts that were not made up, and from this machine.

use super::*;

#[test]
fn the_machines_memory_is_read() {
    assert_eq!(total_memory("MemTotal:       24684096 kB\nMemFree:        1 kB\n"), Some(24_684_096 << 10));
    assert_eq!(total_memory("MemFree: 1 kB\n"), None);
    assert!(memory_bytes().is_some_and(|bytes| bytes > 64 << 20));
}

#[test]
fn the_least_limit_of_a_control_group_and_those_above_it_counts() {
    let mount = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = mount.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("a/b/memory.max", "max\n");
    write("a/memory.max", "3000\n");
    write("memory/c/memory.limit_in_bytes", "2000\n");
    write("memory/memory.limit_in_bytes", "9223372036854771712\n");
    let limit = |groups: &str| group_memory(groups, mount.path());
    assert_eq!(limit("0::/a/b\n"), Some(3_000));
    assert_eq!(limit("0::/x\n"), None, "no limit");
    assert_eq!(limit("4:memory:/c\n1:cpu:/a\n"), Some(2_000));
    assert_eq!(limit("4:memory:/host/path/of/a/container\n"), Some(9_223_372_036_854_771_712));
    assert_eq!(limit("4:cpu,memory:/c\n0::/a\n"), Some(2_000));
    assert_eq!(limit(""), None);
}

#[test]
fn limits_of_files_are_read() {
    let max = raise_open_files_max().unwrap();
    let open = open_files().unwrap();
    assert!(open >= 3 && open < max, "{open} of {max}");
    assert!(maps_max().is_some_and(|max| max > 1_000));
    assert!(anonymous_memory_bytes().is_some_and(|bytes| bytes > 0));
}

#[test]
fn space_is_that_of_the_file_system() {
    let space = space(&std::env::temp_dir()).unwrap();
    assert!(space.available_bytes <= space.total_bytes && space.total_bytes > 0);
    assert!(super::space(Path::new("/nowhere/at/all")).is_err());
}

#[test]
fn a_thread_that_gives_way_is_alone_in_that() {
    let niceness = || unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) };
    let before = niceness();
    let there = std::thread::spawn(move || {
        give_way(5);
        niceness()
    });
    assert_eq!(there.join().unwrap(), (before + 5).min(19));
    assert_eq!(niceness(), before);
}
