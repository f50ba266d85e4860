//! Backups that are taken under fire, by a process that may be killed, and what they must have.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use super::{DATASETS, Fate, Random, Round, SETTINGS, Sent, Server, Setup, found, wrong};

/// A backup that was taken to its end.
#[derive(Clone, Debug)]
pub(super) struct Saved {
    generation: String,
    /// The requests that were acknowledged in this round before it began.
    certain: BTreeSet<String>,
    /// The rounds before, each as it was found when this one began.
    rounds: Vec<Round>,
    /// Everything of the round that it was taken in.
    sent: Vec<Sent>,
}

fn spawn(setup: &Setup) -> Child {
    let mut command = setup.command(&["backup", "--data-dir", "data", "--to", "backups", "--keep", "1000"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Takes a backup and kills the server, and perhaps the backup, before or after that; the backup, if it was not killed.
pub(super) fn take(server: Server, certain: BTreeSet<String>, random: &mut Random) -> Option<Saved> {
    let setup = server.setup.clone();
    let mut backup = spawn(&setup);
    let wait = |random: &mut Random| std::thread::park_timeout(Duration::from_micros(random.below(150_000)));
    match random.below(3) {
        // It ends while the server is there.
        0 => {
            let taken = ended(backup, certain);
            server.kill();
            Some(taken)
        }
        // The server goes while it is being taken.
        1 => {
            wait(random);
            server.kill();
            Some(ended(backup, certain))
        }
        _ => {
            wait(random);
            backup.kill().unwrap();
            backup.wait().unwrap();
            server.kill();
            None
        }
    }
}

/// A backup of a server that takes nothing any more, of all that there is.
pub(super) fn take_now(server: Server, rounds: &[Round]) -> Saved {
    let taken = ended(spawn(&server.setup), BTreeSet::new());
    server.kill();
    taken.of(rounds.to_vec(), &[])
}

fn ended(backup: Child, certain: BTreeSet<String>) -> Saved {
    let output = backup.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    let generation = said.strip_prefix("backup ").and_then(|rest| rest.split(' ').next()).unwrap().to_owned();
    Saved { generation, certain, rounds: Vec::new(), sent: Vec::new() }
}

impl Saved {
    /// The same, with what it is judged by.
    pub(super) fn of(self, rounds: Vec<Round>, sent: &[Sent]) -> Saved {
        Saved { rounds, sent: sent.to_vec(), ..self }
    }

    /// Restores it elsewhere, and looks for everything that it must have.
    pub(super) fn verify(&self, setup: &Setup) {
        let elsewhere = Setup::new();
        let to = elsewhere.home().join("data");
        self.restore(setup, &to);
        let checked = elsewhere.command(&["check", "--data-dir", "data"]).output().unwrap();
        assert!(checked.status.success(), "{checked:?}");
        // The keys are there too.
        let server = elsewhere.with(&SETTINGS).with_key_of(setup).start();
        for (at, round) in self.rounds.iter().enumerate() {
            let acknowledged = |sent: &Sent| sent.acknowledged || self.certain.contains(&sent.id);
            self.compare(&server, at, &round.sent, &acknowledged, &round.fates);
        }
        let acknowledged = |sent: &Sent| self.certain.contains(&sent.id);
        self.compare(&server, self.rounds.len(), &self.sent, &acknowledged, &[Fate::Kept; DATASETS.len()]);
    }

    fn restore(&self, setup: &Setup, to: &Path) {
        let generation = ["--generation", &self.generation];
        let mut command = setup.command(&["restore", "--from", "backups", "--to", to.to_str().unwrap()]);
        let restored = command.args(generation).output().unwrap();
        assert!(restored.status.success(), "{restored:?}");
    }

    fn compare(&self, server: &Server, at: usize, sent: &[Sent], acknowledged: &dyn Fn(&Sent) -> bool, fates: &[Fate]) {
        let known = |sent: &Sent| Sent { acknowledged: acknowledged(sent), ..sent.clone() };
        let sent: Vec<Sent> = sent.iter().map(known).collect();
        for (dataset, name) in DATASETS.iter().enumerate() {
            let there = fates[dataset] == Fate::Kept;
            let wrong = wrong(sent.iter().filter(|s| there && s.dataset == dataset), &found(server, name, at));
            let generation = &self.generation;
            assert!(wrong.is_empty(), "backup {generation}, round {at}, dataset {name}: {}", wrong.join("; "));
        }
    }
}
