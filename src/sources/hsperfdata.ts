/**
 * Parser of the performance data file that HotSpot keeps in `/tmp/hsperfdata_<user>/<pid>` and maps into the running VM. Pure: bytes in,
 * counters out. The layout is that of version 2: a 32-byte prologue, then entries of a 20-byte header, a name and a value.
 * Format: OpenJDK, `perfMemory.hpp` (PerfDataPrologue, PerfDataEntry); the reader of `jdk.internal.jvmstat` is its other user.
 */

export interface Hsperfdata {
  readonly numbers: ReadonlyMap<string, number>;
  readonly texts: ReadonlyMap<string, string>;
}

/** What is wrong with a file. `unfinished`: the VM may just be writing it; reading again may help. */
export interface Defect {
  readonly unfinished: boolean;
  readonly defect: string;
}

const MAGIC = 0xcafec0c0;
const PROLOGUE_BYTES = 32;
const ENTRY_BYTES = 20;

/** HotSpot has some 200 counters, and a heap of 2,048 Shenandoah regions one each; a count beyond this is no count. */
const ENTRIES_MAX = 16_384;

interface Prologue {
  readonly little: boolean;
  readonly used: number;
  readonly entryOffset: number;
  readonly entries: number;
}

export function parseHsperfdata(bytes: Uint8Array): Hsperfdata | Defect {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const prologue = prologueOf(view);
  if ('defect' in prologue) return prologue;
  const numbers = new Map<string, number>();
  const texts = new Map<string, string>();
  let at = prologue.entryOffset;
  for (let i = 0; i < prologue.entries; i++) {
    const entry = entryAt(view, bytes, at, prologue);
    if ('defect' in entry) return entry;
    if (typeof entry.value === 'number') numbers.set(entry.name, entry.value);
    if (typeof entry.value === 'string') texts.set(entry.name, entry.value);
    at += entry.length;
  }
  return { numbers, texts };
}

function prologueOf(view: DataView): Prologue | Defect {
  if (view.byteLength < PROLOGUE_BYTES) return unfinished('it is shorter than its own header');
  if (view.getUint32(0) !== MAGIC) return view.getUint32(0) === 0 ? unfinished('it is empty') : wrong('it is not a HotSpot file');
  const [order, major, minor, accessible] = [view.getUint8(4), view.getUint8(5), view.getUint8(6), view.getUint8(7)];
  if (major !== 2) return wrong(`it is of version ${major}.${minor}, and version 2 is known`);
  if (order > 1) return wrong(`its byte order is ${order}`);
  if (accessible !== 1) return unfinished('the VM has not released it');
  const little = order === 1;
  const prologue = { little, used: view.getInt32(8, little), entryOffset: view.getInt32(24, little), entries: view.getInt32(28, little) };
  if (prologue.used > view.byteLength) return unfinished('it is cut short');
  const sane = prologue.entryOffset >= PROLOGUE_BYTES && prologue.entries >= 0 && prologue.entries <= ENTRIES_MAX;
  return sane ? prologue : wrong('its header makes no sense');
}

interface Entry {
  readonly name: string;
  /** Null for the kinds of value that no counter of interest has. */
  readonly value: number | string | null;
  readonly length: number;
}

/** An entry is counted before it is written, so one that makes no sense may be on its way. */
function entryAt(view: DataView, bytes: Uint8Array, at: number, { little, used }: Prologue): Entry | Defect {
  if (at + ENTRY_BYTES > used) return unfinished('an entry lies outside of it');
  const length = view.getInt32(at, little);
  const nameOffset = view.getInt32(at + 4, little);
  const vector = view.getInt32(at + 8, little);
  const type = String.fromCharCode(view.getUint8(at + 12));
  const dataOffset = view.getInt32(at + 16, little);
  const inside = (offset: number, size: number): boolean => offset >= ENTRY_BYTES && size >= 0 && offset + size <= length;
  const valueBytes = type === 'B' ? vector : 8;
  if (length < ENTRY_BYTES || at + length > used || vector < 0) return unfinished('an entry makes no sense');
  if (!inside(nameOffset, 1) || !inside(dataOffset, valueBytes) || nameOffset >= dataOffset) return unfinished('an entry makes no sense');
  const name = textAt(bytes, at + nameOffset, at + dataOffset);
  if (type === 'J' && vector === 0) return { name, value: Number(view.getBigInt64(at + dataOffset, little)), length };
  if (type === 'B' && vector > 0) return { name, value: textAt(bytes, at + dataOffset, at + dataOffset + vector), length };
  return { name, value: null, length };
}

const UTF8 = new TextDecoder();

/** A NUL-terminated text of ASCII; values of properties may be UTF-8. */
function textAt(bytes: Uint8Array, from: number, to: number): string {
  const end = bytes.indexOf(0, from);
  return UTF8.decode(bytes.subarray(from, end < 0 ? to : Math.min(end, to)));
}

function wrong(defect: string): Defect {
  return { unfinished: false, defect };
}

function unfinished(defect: string): Defect {
  return { unfinished: true, defect };
}
