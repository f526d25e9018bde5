//! What calls name beside records.

/// Kinds of calls that must return. Sends are counted from the records themselves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum CallKind {
    /// `initTransactions`.
    InitTransactions,
    /// `commitTransaction`, `abortTransaction`.
    EndTransaction,
    /// `sendOffsetsToTransaction`.
    SendOffsets,
    /// `commitSync`, `commitAsync`.
    CommitOffsets,
    /// A consumer joining its group.
    JoinGroup,
    /// `close`.
    Close,
    /// A call of a service on an external store.
    ExternalStore,
}

/// A table's number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TableId(pub u32);

/// A ledger's number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LedgerId(pub u32);
