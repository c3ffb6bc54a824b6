//! A disk that loses, after a power cut, what was not synced.
//!
//! A `fsync` covers the writes that ended before it began, and counts once it has ended. What it does not cover is
//! written or not, in any combination; a write may also be torn between sectors. Changes of the folder happen in their
//! order, and those after the last `fsync` of the folder may be missing from some point on.

use std::collections::BTreeMap;

use super::record::{Event, Operation};
use crate::support::random::Random;

const SECTOR: usize = 512;

/// Whether syncs have an effect. A control run ignores them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syncs {
    Counted,
    Ignored,
}

/// What the disk holds for certain, and what it may hold.
pub struct Disk {
    files: Vec<File>,
    /// The names as programs see them.
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    /// The changes of the folder that no sync covers.
    name_changes: Vec<NameChange>,
    /// Operations that have begun and not ended.
    open: BTreeMap<u64, Open>,
}

#[derive(Default)]
struct File {
    durable: Vec<u8>,
    changes: Vec<Change>,
}

/// A write or a truncation that no sync covers.
struct Change {
    number: u64,
    has_ended: bool,
    operation: Operation,
}

#[derive(Clone)]
enum NameChange {
    Add(String, usize),
    Remove(String),
    Rename(String, String),
}

enum Open {
    /// A write or a truncation of that file.
    Change(usize),
    /// A sync of that file, with the changes that it covers.
    Sync(usize, Vec<u64>),
    /// A sync of the folder, with the number of changes that it covers.
    SyncFolder(usize),
    /// A change of the folder, which happens when it ends.
    Name(Operation),
    /// Nothing that the disk keeps.
    Nothing,
}

impl Disk {
    pub fn new(files: &BTreeMap<String, Vec<u8>>) -> Self {
        let names: BTreeMap<_, _> = files.keys().cloned().zip(0..).collect();
        let file = |content: &Vec<u8>| File {
            durable: content.clone(),
            changes: Vec::new(),
        };
        Self {
            files: files.values().map(file).collect(),
            durable_names: names.clone(),
            names,
            name_changes: Vec::new(),
            open: BTreeMap::new(),
        }
    }

    /// Applies the begin or the end of a call.
    pub fn apply(&mut self, event: &Event, syncs: Syncs) {
        match event {
            Event::Begin(number, operation) => {
                let open = self.begin(*number, operation, syncs);
                self.open.insert(*number, open);
            }
            Event::End(number) => match self.open.remove(number) {
                Some(Open::Change(file)) => {
                    let changes = &mut self.files[file].changes;
                    let change = changes.iter_mut().find(|change| change.number == *number);
                    if let Some(change) = change {
                        change.has_ended = true;
                    }
                }
                Some(Open::Sync(file, covered)) => self.files[file].make_durable(&covered),
                Some(Open::SyncFolder(count)) => {
                    for change in self.name_changes.drain(..count) {
                        change.apply(&mut self.durable_names);
                    }
                }
                Some(Open::Name(operation)) => self.change_names(operation),
                Some(Open::Nothing) | None => {}
            },
            Event::Failed(number) => {
                if let Some(Open::Change(file)) = self.open.remove(number) {
                    let changes = &mut self.files[file].changes;
                    changes.retain(|change| change.number != *number);
                }
            }
        }
    }

    fn begin(&mut self, number: u64, operation: &Operation, syncs: Syncs) -> Open {
        match operation {
            Operation::Write { file, .. } | Operation::Truncate { file, .. } => {
                // `O_TRUNC` creates the file too.
                if !self.names.contains_key(file) {
                    self.change_names(Operation::Create(file.clone()));
                }
                let index = self.names[file];
                self.files[index].changes.push(Change {
                    number,
                    has_ended: false,
                    operation: operation.clone(),
                });
                Open::Change(index)
            }
            Operation::Copy {
                from,
                file,
                offset,
                size,
            } => {
                let source = self.files[self.names[from]].as_seen();
                let write = Operation::Write {
                    file: file.clone(),
                    offset: *offset,
                    data: source[*offset..offset + size].to_vec(),
                };
                self.begin(number, &write, syncs)
            }
            Operation::Sync(_) | Operation::SyncFolder if syncs == Syncs::Ignored => Open::Nothing,
            Operation::Sync(file) => match self.names.get(file) {
                Some(index) => {
                    let changes = self.files[*index].changes.iter();
                    let ended = changes.filter(|change| change.has_ended);
                    Open::Sync(*index, ended.map(|change| change.number).collect())
                }
                None => Open::Nothing,
            },
            Operation::SyncFolder => Open::SyncFolder(self.name_changes.len()),
            Operation::Acknowledge => Open::Nothing,
            other => Open::Name(other.clone()),
        }
    }

    fn change_names(&mut self, operation: Operation) {
        let change = match operation {
            Operation::Create(name) if self.names.contains_key(&name) => return,
            Operation::Create(name) => {
                self.files.push(File::default());
                NameChange::Add(name, self.files.len() - 1)
            }
            Operation::Link(from, to) => NameChange::Add(to, self.names[&from]),
            Operation::Unlink(name) => NameChange::Remove(name),
            Operation::Rename(from, to) => NameChange::Rename(from, to),
            other => unreachable!("{other:?} changes no name"),
        };
        change.apply(&mut self.names);
        self.name_changes.push(change);
    }

    /// Returns files as a power cut at this moment may leave them.
    pub fn after_cut(&self, random: &mut Random) -> BTreeMap<String, Vec<u8>> {
        let policy = *random.choose(&[Policy::DropAll, Policy::KeepAll, Policy::Mix, Policy::Tear]);
        let changed = match policy {
            Policy::DropAll => 0,
            Policy::KeepAll => self.name_changes.len(),
            Policy::Mix | Policy::Tear => random.below(self.name_changes.len() + 1),
        };
        let mut names = self.durable_names.clone();
        for change in &self.name_changes[..changed] {
            change.apply(&mut names);
        }
        let files = names.into_iter();
        files
            .map(|(name, index)| (name, self.files[index].after_cut(policy, random)))
            .collect()
    }
}

/// What happens to the writes that no sync covers.
#[derive(Clone, Copy)]
enum Policy {
    DropAll,
    KeepAll,
    Mix,
    Tear,
}

impl File {
    fn make_durable(&mut self, covered: &[u64]) {
        for change in &self.changes {
            if covered.contains(&change.number) {
                change.apply(&mut self.durable, |_| true);
            }
        }
        self.changes
            .retain(|change| !covered.contains(&change.number));
    }

    /// Returns the content as programs see it.
    fn as_seen(&self) -> Vec<u8> {
        let mut content = self.durable.clone();
        for change in &self.changes {
            change.apply(&mut content, |_| true);
        }
        content
    }

    fn after_cut(&self, policy: Policy, random: &mut Random) -> Vec<u8> {
        let mut content = self.durable.clone();
        for change in &self.changes {
            match policy {
                Policy::DropAll => {}
                Policy::KeepAll => change.apply(&mut content, |_| true),
                Policy::Mix => {
                    let is_kept = random.one_in(2);
                    if is_kept {
                        change.apply(&mut content, |_| true);
                    }
                }
                Policy::Tear => change.apply(&mut content, |_| random.one_in(2)),
            }
        }
        content
    }
}

impl Change {
    /// Applies the change, of a write those sectors that `is_kept`.
    fn apply(&self, content: &mut Vec<u8>, mut is_kept: impl FnMut(usize) -> bool) {
        match &self.operation {
            Operation::Truncate { size, .. } => {
                if is_kept(0) {
                    content.resize(*size, 0);
                }
            }
            Operation::Write { offset, data, .. } => {
                let mut from = 0;
                while from < data.len() {
                    let start = offset + from;
                    let to = data.len().min(from + SECTOR - start % SECTOR);
                    if is_kept(start / SECTOR) {
                        let end = offset + to;
                        content.resize(content.len().max(end), 0);
                        content[start..end].copy_from_slice(&data[from..to]);
                    }
                    from = to;
                }
            }
            other => unreachable!("{other:?} changes no content"),
        }
    }
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<String, usize>) {
        match self {
            Self::Add(name, file) => {
                names.insert(name.clone(), *file);
            }
            Self::Remove(name) => {
                names.remove(name);
            }
            Self::Rename(from, to) => {
                if let Some(file) = names.remove(from) {
                    names.insert(to.clone(), file);
                }
            }
        }
    }
}
