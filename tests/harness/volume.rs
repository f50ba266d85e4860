//! A small device of its own for a test: a file system in memory with a size, mounted while the test runs.

use std::path::{Path, PathBuf};
use std::process::Command;

#[derive(Debug)]
pub(crate) struct Volume {
    path: PathBuf,
}

impl Volume {
    /// Mounts one of so many bytes at a new directory; none, said aloud, where mounting is not allowed.
    pub(crate) fn mount(path: &Path, bytes: u64) -> Option<Volume> {
        std::fs::create_dir(path).unwrap();
        let size = format!("size={bytes}");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "outcrop-test"]).arg(path).output();
        match mounted {
            Ok(output) if output.status.success() => Some(Volume { path: path.to_owned() }),
            other => {
                eprintln!(
                    "NOT TESTED HERE: a device of {bytes} bytes cannot be mounted ({other:?}). The tests of storage fill \
                     a simulated one all the same."
                );
                None
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        // Lazily: a server that is being killed may still hold it.
        let _best_effort = Command::new("umount").arg("-l").arg(&self.path).output();
    }
}
