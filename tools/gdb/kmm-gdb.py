# SPDX-License-Identifier: MIT
"""gdb commands for the heap of a program that allocates from libkmm.

	gdb -x kmm-gdb.py -p PID
	gdb -x kmm-gdb.py PROGRAM CORE

	kmm-slab [CACHE | ADDRESS]	caches; slabs of one; objects of one slab
	kmm-buddy			free blocks by zone, migratetype, order
	kmm-whatis ADDRESS		what an address of the heap is
	kmm-live			what is allocated, by cache

Where things are, and how structs are laid out, is read from the anchor (symbol
kmm_anchor; see include/kmm/anchor.h), by name: no debug information is needed,
and nothing is called in the program. With debug information, print shows
struct page, struct kmem_cache, struct zone and gfp_t in words; print/r as they
are.

The program is stopped, perhaps in the middle of a change: a list may be one
element off, so each walk is bounded, and what cannot be read is left out.
"""
import os
import re
import struct

import gdb

MAGIC = b"KMMANCHR"
VERSION = 1
NAME_BYTES = 40

# A longer list is a cycle.
MAX_STEPS = 1 << 22

# Members by their width. Where and how wide they are, the anchor knows.
FORMATS = {1: "B", 2: "H", 4: "I", 8: "Q"}
SIGNED = ("page._refcount", "kfence_track.tid")

MIGRATETYPES = ["Unmovable", "Movable", "Reclaimable", "HighAtomic", "Isolate"]

# include/linux/gfp_types.h: a test compares them.
GFP_BITS = [
    ("__GFP_DMA", 0x01), ("__GFP_HIGHMEM", 0x02), ("__GFP_DMA32", 0x04),
    ("__GFP_MOVABLE", 0x08), ("__GFP_RECLAIMABLE", 0x10),
    ("__GFP_HIGH", 0x20), ("__GFP_IO", 0x40), ("__GFP_FS", 0x80),
    ("__GFP_ZERO", 0x100), ("__GFP_DIRECT_RECLAIM", 0x400),
    ("__GFP_KSWAPD_RECLAIM", 0x800), ("__GFP_WRITE", 0x1000),
    ("__GFP_NOWARN", 0x2000), ("__GFP_RETRY_MAYFAIL", 0x4000),
    ("__GFP_NOFAIL", 0x8000), ("__GFP_NORETRY", 0x10000),
    ("__GFP_MEMALLOC", 0x20000), ("__GFP_COMP", 0x40000),
    ("__GFP_NOMEMALLOC", 0x80000), ("__GFP_HARDWALL", 0x100000),
    ("__GFP_THISNODE", 0x200000), ("__GFP_ACCOUNT", 0x400000),
    ("__GFP_ZEROTAGS", 0x800000),
]
# The larger first: each takes its bits away.
GFP_NAMES = [
    ("GFP_USER", 0x100cc0), ("GFP_KERNEL", 0xcc0), ("GFP_NOFS", 0xc40),
    ("GFP_NOWAIT", 0x2800), ("GFP_ATOMIC", 0x820), ("GFP_NOIO", 0xc00),
]


def gfp_flags(value):
    """As the kernel's %pGg prints them."""
    words = []
    for name, bits in GFP_NAMES + GFP_BITS:
        if bits and value & bits == bits:
            words.append(name)
            value &= ~bits
    if value:
        words.append(f"{value:#x}")
    return "|".join(words) or "none"


def count_of(nr, what):
    return f"{nr} {what}{'' if nr == 1 else 's'}"


def swap_bytes(word):
    return int.from_bytes(word.to_bytes(8, "little"), "big")


def read_memory(address, size):
    return bytes(gdb.selected_inferior().read_memory(address, size))


def read_word(address):
    return struct.unpack("<Q", read_memory(address, 8))[0]


def read_text(address, most=255):
    """A string, as far as it can be read."""
    text = b""
    try:
        while b"\0" not in text and len(text) < most:
            text += read_memory(address + len(text), 1)
    except gdb.MemoryError:
        pass
    return text.split(b"\0")[0].decode(errors="replace")


# The anchor ------------------------------------------------------------------

def symbols_of(objfile):
    """Addresses of kmm_anchor in one object file."""
    text = gdb.execute("maint print msymbols -objfile "
                       f'"{objfile.filename}"', to_string=True)
    return [int(address, 16) for address in
            re.findall(r"(0x[0-9a-f]+) kmm_anchor\b", text)]


def find_anchor():
    """The malloc shim's if there is one, as kmm does it; else any."""
    if gdb.selected_thread() is None:
        raise gdb.GdbError("There is no process and no core: run the program, "
                           "attach to one, or load a core first.")
    for objfile in gdb.objfiles():
        if os.path.basename(objfile.filename or "").startswith(
                "libkmm_malloc.so"):
            found = symbols_of(objfile)
            if found:
                return found[0]
    try:
        return int(gdb.parse_and_eval("(unsigned long)&kmm_anchor"))
    except gdb.error:
        raise gdb.GdbError(
            "There is no heap of libkmm in this program: it has no symbol "
            "kmm_anchor. (Does gdb find the libraries of the program? See "
            "info sharedlibrary.)") from None


class Record:
    """A struct of the program, as it was when it was read."""

    def __init__(self, heap, kind, address, data=None):
        self.heap, self.kind, self.address = heap, kind, address
        self.data = data if data is not None else \
            read_memory(address, heap[kind])

    def __getattr__(self, name):
        full = f"{self.kind}.{name}"
        return struct.unpack_from(self.heap.format_of(full), self.data,
                                  self.heap[full])[0]

    def at(self, name):
        """The address of a field."""
        return self.address + self.heap[f"{self.kind}.{name}"]

    def part(self, name, kind):
        """A struct within."""
        offset = self.heap[f"{self.kind}.{name}"]
        return Record(self.heap, kind, self.address + offset,
                      self.data[offset:offset + self.heap[kind]])

    def flag(self, name):
        return bool(self.flags & 1 << self.heap[name])


class Heap:
    """All that is read, from the anchor on. Made anew for each command."""

    def __init__(self):
        self.anchor = find_anchor()
        try:
            self.read_anchor()
        except gdb.MemoryError:
            raise gdb.GdbError(f"The anchor at {self.anchor:#x} cannot be "
                               "read.") from None
        self.shift = struct.unpack("<I", read_memory(self.page_shift, 4))[0]
        if not self.shift or self.word_of("mm_state", "<i") != self["MM_UP"]:
            raise gdb.GdbError("The heap is not up: nothing has been allocated "
                               "yet.")
        self.nr_cpus = self.root("percpu", "percpu_state").nr_used
        self.unit = 1 << self["PERCPU_UNIT_SHIFT"]

    def read_anchor(self):
        magic, version, _, self.page_shift, roots, fields, nr_roots, \
            nr_fields = struct.unpack("<8sIIQQQII",
                                      read_memory(self.anchor, 48))
        if magic != MAGIC:
            raise gdb.GdbError(f"kmm_anchor at {self.anchor:#x} is none of "
                               "libkmm's.")
        if version != VERSION:
            raise gdb.GdbError(f"This heap is of another version: its anchor "
                               f"says {version}, and kmm-gdb.py reads "
                               f"{VERSION}.")
        self.roots, self.fields, self.sizes = {}, {}, {}
        for name, address, size, count in struct.iter_unpack(
                f"<{NAME_BYTES}sQII", read_memory(roots, nr_roots * 56)):
            self.roots[name.split(b"\0")[0].decode()] = (address, size, count)
        for name, value, size in struct.iter_unpack(
                f"<{NAME_BYTES}sII", read_memory(fields, nr_fields * 48)):
            name = name.split(b"\0")[0].decode()
            self.fields[name], self.sizes[name] = value, size

    def __getitem__(self, name):
        """A constant, the size of a struct, or where a member is."""
        try:
            return self.fields[name]
        except KeyError:
            raise gdb.GdbError(f"This heap is of another version: its anchor "
                               f"has no {name}.") from None

    def format_of(self, member):
        try:
            letter = FORMATS[self.sizes[member]]
        except KeyError:
            raise gdb.GdbError(f"This heap is of another version: its anchor "
                               f"has no size of {member}.") from None
        return "<" + (letter.lower() if member in SIGNED else letter)

    def word_of(self, root, width="<Q"):
        address = self.roots[root][0]
        return struct.unpack(width, read_memory(
            address, struct.calcsize(width)))[0]

    def record(self, kind, address):
        return Record(self, kind, address)

    def root(self, name, kind, index=0):
        address, size, _ = self.roots[name]
        return Record(self, kind, address + index * size)

    def list(self, head):
        """Addresses of the links of a list."""
        node, steps = read_word(head), 0
        while node != head and node and steps < MAX_STEPS:
            yield node
            node, steps = read_word(node), steps + 1

    def page_list(self, head):
        """(memory, struct page) of each block on a list; see mm/page_list.h."""
        link, steps = self.record("page_list", head).first, 0
        while link and steps < MAX_STEPS:
            for area in self.ranges():
                index = link - area.first_link
                if 0 <= index < area.end_pfn - area.start_pfn:
                    break
            else:
                return
            pfn = area.start_pfn + index
            page = self.page_at(area, pfn)
            yield pfn << self.shift, page
            link, steps = getattr(page, "lru.next"), steps + 1

    def tree(self, root):
        """Addresses of the nodes of a treap."""
        stack = [self.word_of(root)]
        while stack:
            address = stack.pop()
            if not address:
                continue
            node = self.record("treap_node", address)
            yield node
            stack += [node.left, node.right]

    # Pages -------------------------------------------------------------------

    def ranges(self):
        for i in range(self.roots["sparse_ranges"][2]):
            area = self.root("sparse_ranges", "mem_range", i)
            if not area.pages:
                return
            yield area

    def range_of(self, address):
        pfn = address >> self.shift
        for area in self.ranges():
            if area.start_pfn <= pfn < area.end_pfn:
                return area
        return None

    def page_of(self, address):
        """The struct page of an address, or None."""
        area = self.range_of(address)
        return area and self.page_at(area, address >> self.shift)

    def page_at(self, area, pfn):
        return self.record("page", area.pages + (pfn - area.start_pfn) *
                           self["page"])

    def address_of(self, page):
        """The memory that a struct page is of, or None."""
        for area in self.ranges():
            offset = page.address - area.pages
            if 0 <= offset < (area.end_pfn - area.start_pfn) * self["page"]:
                return area.start_pfn + offset // self["page"] << self.shift
        return None

    def head_of(self, area, pfn):
        """(pfn, struct page) of the head of the block that a page is in. A
        block of the buddy system is aligned to its size; a large block of
        kmalloc() need not be."""
        page = self.page_at(area, pfn)
        if page.tail_index:
            pfn -= page.tail_index
            return pfn, self.page_at(area, pfn)
        for order in range(self["NR_PAGE_ORDERS"]):
            first = pfn & ~((1 << order) - 1)
            if first < area.start_pfn:
                break
            page = self.page_at(area, first)
            if page.flag("PG_large") and pfn - first < page.private:
                return first, page
            used = page.flag("PG_buddy") or page.flag("PG_pcp") or \
                page.flag("PG_slab") or page._refcount > 0
            if used and not page.flag("PG_large") and page.order >= order:
                return first, page
        for first in range(pfn, area.start_pfn - 1, -1):
            page = self.page_at(area, first)
            if page.flag("PG_large"):
                if pfn - first < page.private:
                    return first, page
                break
            if page.flag("PG_buddy") or page.flag("PG_pcp") or \
                    page.flag("PG_slab") or page._refcount > 0:
                break
        return pfn, self.page_at(area, pfn)

    # Caches and slabs --------------------------------------------------------

    def caches(self):
        head = self.roots["slab_caches"][0]
        for node in self.list(head):
            yield self.record("kmem_cache", node - self["kmem_cache.list"])

    def name_of(self, cache):
        return read_text(cache.name)

    def sheaf(self, address):
        """(objects of a sheaf, the next one on its list)"""
        if not address:
            return [], 0
        sheaf = self.record("slab_sheaf", address)
        nr = min(sheaf.size, 1 << 16)
        return struct.unpack(f"<{nr}Q", read_memory(sheaf.at("objects"),
                                                    8 * nr)), sheaf.next

    def in_sheaves(self, cache):
        """Objects that wait in the sheaves of all CPUs, and in the barn."""
        objects = set()
        if not cache.sheaf_capacity:
            return objects
        for cpu in range(self.nr_cpus):
            sheaves = self.record("slub_percpu_sheaves",
                                  cache.cpu_sheaves + cpu * self.unit)
            objects.update(self.sheaf(sheaves.main)[0])
            objects.update(self.sheaf(sheaves.spare)[0])
        barn = cache.part("barn", "node_barn")
        sheaf = barn.full
        for _ in range(barn.nr_full):
            more, sheaf = self.sheaf(sheaf)
            objects.update(more)
        return objects

    def slabs(self, cache):
        """(memory, struct page) of each slab."""
        node = cache.part("node", "kmem_cache_node")
        for name in ("partial", "full"):
            yield from self.page_list(node.at(name))

    def object_at(self, cache, base, number):
        return base + cache.red_left_pad + number * cache.size

    def free_objects(self, cache, base, page):
        """Numbers of those on the freelist; links are as mm/slub.c says."""
        free = set()
        address = self.object_at(cache, base, page.freelist - 1) \
            if page.freelist else 0
        while address and len(free) <= page.objects:
            number, rest = divmod(address - base - cache.red_left_pad,
                                  cache.size)
            if rest or not 0 <= number < page.objects or number in free:
                break		# in the middle of a change, or damaged
            free.add(number)
            where = address + cache.offset
            address = read_word(where) ^ cache.random ^ swap_bytes(where) ^ \
                page.slab_gen << 48
        return free

    def slab_map(self, cache, base, page, in_sheaves):
        """One letter for each object: # in use, s in a sheaf, . free,
        - never handed out."""
        free = self.free_objects(cache, base, page)
        return "".join(
            "-" if number >= page.fresh else
            "." if number in free else
            "s" if self.object_at(cache, base, number) in in_sheaves else "#"
            for number in range(page.objects))

    # Others ------------------------------------------------------------------

    def kfence(self):
        return self.root("kfence_pool", "kfence_pool")

    def guarded(self, pool):
        """The records of guarded objects in use."""
        size = self["kfence_metadata"]
        if not pool.size:
            return
        data = read_memory(pool.metadata, size * pool.window)
        for unit in range(1, pool.window):
            meta = Record(self, "kfence_metadata", pool.metadata + unit * size,
                          data[unit * size:(unit + 1) * size])
            if meta.state == self["KFENCE_OBJECT_ALLOCATED"]:
                yield meta

    def vmalloc_blocks(self):
        for node in self.tree("vmap_tree"):
            yield node.key, self.record("vmap_area", node.address -
                                        self["vmap_area.node"])

    def owner_of(self, area_index, area, pfn):
        """What page_owner knows of a block of pages, or None."""
        address, size, _ = self.roots["page_owners"]
        owners = read_word(address + area_index * size)
        if not owners:
            return None
        owner = self.record("page_owner", owners + (pfn - area.start_pfn) *
                            self["page_owner"])
        return owner if owner.size else None

    def stack(self, handle):
        """The return addresses of a stack in the depot."""
        if not handle:
            return ()
        offset = handle & (1 << self["DEPOT_OFFSET_BITS"]) - 1
        pools = self.root("stack_depot", "stack_depot").pools
        try:
            pool = read_word(pools + (handle >> self["DEPOT_OFFSET_BITS"]) * 8)
            record = self.record("stack_record", pool +
                                 (offset << self["DEPOT_UNIT_SHIFT"]))
            if record.handle != handle:
                return ()
            nr = min(record.nr, 64)
            return struct.unpack(f"<{nr}Q", read_memory(record.at("entries"),
                                                        8 * nr))
        except gdb.MemoryError:
            return ()

    def print_stack(self, what, tid, handle):
        entries = self.stack(handle)
        if not entries:
            return
        print(f"{what} by thread {tid}:")
        for number, pc in enumerate(entries):
            text = gdb.execute(f"info symbol {pc - 1:#x}", to_string=True)
            text = "" if text.startswith("No symbol") else \
                " " + text.split(" in section")[0]
            line = gdb.find_pc_line(pc - 1)
            if line.symtab:
                text += f" {line.symtab.filename}:{line.line}"
            print(f" #{number} {pc:#018x}{text}")


# Commands --------------------------------------------------------------------

class Command(gdb.Command):
    """A command that reads the heap, and says in words why it cannot."""

    def __init__(self):
        super().__init__(self.NAME, gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        self.dont_repeat()
        heap = Heap()
        try:
            self.run(heap, argument.strip())
        except gdb.MemoryError as reason:
            raise gdb.GdbError(f"{self.NAME}: the heap is damaged, or in the "
                               f"middle of a change: {reason}") from None


def address_from(argument):
    try:
        value = gdb.parse_and_eval(argument)
        if value.type.strip_typedefs().code == gdb.TYPE_CODE_ARRAY:
            value = value.address
        return int(value) & (1 << 64) - 1
    except gdb.error as reason:
        raise gdb.GdbError(f"{argument}: no cache, and no address: "
                           f"{reason}") from None


class KmmSlab(Command):
    """kmm-slab [CACHE | ADDRESS]

Without an argument: all caches, with the numbers of the kernel's slabinfo.
With the name of a cache, or the address of its struct kmem_cache: its slabs.
With an address in a slab: its objects, one letter each,
  # in use   s in a sheaf   . free   - never handed out"""

    NAME = "kmm-slab"

    def run(self, heap, argument):
        if not argument:
            self.print_caches(heap)
            return
        for cache in heap.caches():
            if heap.name_of(cache) == argument:
                self.print_slabs(heap, cache)
                return
        address = address_from(argument)
        for cache in heap.caches():
            if cache.address == address:
                self.print_slabs(heap, cache)
                return
        self.print_slab(heap, address)

    def print_caches(self, heap):
        print(f"{'# name':<17} {'active':>7} {'objects':>7} {'objsize':>7} "
              f"{'objperslab':>10} {'pagesperslab':>12} {'slabs':>6} "
              f"{'in sheaves':>10}")
        for cache in heap.caches():
            self.print_cache(heap, cache, len(heap.in_sheaves(cache)))

    def print_cache(self, heap, cache, nr):
        node = cache.part("node", "kmem_cache_node")
        print(f"{heap.name_of(cache):<17} {max(node.nr_inuse - nr, 0):>7} "
              f"{node.nr_objects:>7} {cache.size:>7} {cache.objects:>10} "
              f"{1 << cache.order:>12} {node.nr_slabs:>6} {nr:>10}")

    def print_slabs(self, heap, cache):
        in_sheaves = heap.in_sheaves(cache)
        node = cache.part("node", "kmem_cache_node")
        print(f"{heap.name_of(cache)} at {cache.address:#x}: objects of "
              f"{cache.object_size} bytes, {cache.size} apart; slabs of "
              f"{cache.objects} objects in "
              f"{count_of(1 << cache.order, 'page')}")
        print(f"{node.nr_objects} objects in {node.nr_slabs} slabs; "
              f"{max(node.nr_inuse - len(in_sheaves), 0)} in use, "
              f"{len(in_sheaves)} in sheaves")
        for base, page in heap.slabs(cache):
            if base is None:
                print("(the list of slabs is damaged)")
                return
            print(self.line(heap, cache, base, page, in_sheaves))

    def line(self, heap, cache, base, page, in_sheaves):
        letters = heap.slab_map(cache, base, page, in_sheaves)
        kind = "full" if page.list == heap["SLAB_ON_FULL"] else \
            "partial" if page.inuse else "empty"
        return (f"{base:#x} {kind:<7} {letters.count('#'):>4} in use "
                f"{letters.count('s'):>4} in sheaves "
                f"{letters.count('.'):>4} free "
                f"{letters.count('-'):>4} never handed out")

    def print_slab(self, heap, address):
        area = heap.range_of(address)
        pfn, page = heap.head_of(area, address >> heap.shift) if area else \
            (0, None)
        if not page or not page.flag("PG_slab"):
            raise gdb.GdbError(f"{address:#x} is in no slab; see kmm-whatis.")
        cache = heap.record("kmem_cache", page.slab_cache)
        base = pfn << heap.shift
        in_sheaves = heap.in_sheaves(cache)
        print(f"slab of {heap.name_of(cache)}, {page.objects} objects "
              f"{cache.size} apart in {count_of(1 << page.order, 'page')}")
        print(self.line(heap, cache, base, page, in_sheaves))
        letters = heap.slab_map(cache, base, page, in_sheaves)
        for start in range(0, len(letters), 64):
            print(f"{heap.object_at(cache, base, start):#x} "
                  f"{letters[start:start + 64]}")


class KmmBuddy(Command):
    """kmm-buddy

Free blocks of each zone by order, as the kernel's buddyinfo; then by migratetype,
as its pagetypeinfo; and the pages on per-CPU lists, which are in neither."""

    NAME = "kmm-buddy"

    def run(self, heap, argument):
        if argument:
            raise gdb.GdbError("kmm-buddy takes no argument.")
        zones = [heap.root("zones", "zone", i)
                 for i in range(heap["MAX_NR_ZONES"])]
        zones = [zone for zone in zones if zone.managed_pages]
        for zone in zones:
            counts = [self.free_area(heap, zone, order).nr_free
                      for order in range(heap["NR_PAGE_ORDERS"])]
            print(f"Node 0, zone {read_text(zone.name):>8} " +
                  "".join(f"{count:>6} " for count in counts))
        for zone in zones:
            self.print_types(heap, zone)
        for zone in zones:
            print(f"zone {read_text(zone.name)}: {zone.nr_free} of "
                  f"{zone.managed_pages} pages free, "
                  f"{self.on_pcp_lists(heap, zone)} on per-CPU lists")

    def free_area(self, heap, zone, order):
        return heap.record("free_area", zone.at("free_area") + order *
                           heap["free_area"])

    def print_types(self, heap, zone):
        for kind in range(heap["MIGRATE_TYPES"]):
            print(f"Node    0, zone {read_text(zone.name):>8}, type "
                  f"{MIGRATETYPES[kind]:>12} ", end="")
            for order in range(heap["NR_PAGE_ORDERS"]):
                area = self.free_area(heap, zone, order)
                head = area.at("free_list") + kind * heap["page_list"]
                print(f"{sum(1 for _ in heap.page_list(head)):>6} ", end="")
            print()

    def on_pcp_lists(self, heap, zone):
        nr = 0
        for cpu in range(heap.nr_cpus if zone.pcp else 0):
            lists = heap.record("per_cpu_pages", zone.pcp + cpu * heap.unit)
            nr += lists.count if lists.batch else 0
        return nr


class KmmWhatis(Command):
    """kmm-whatis ADDRESS

What an address of the heap is: the block or object that it lies in, whether
that is in use, its page, and who allocated it where that was written down
(KMM_CMDLINE="slab_debug=U page_owner")."""

    NAME = "kmm-whatis"

    def run(self, heap, argument):
        if not argument:
            raise gdb.GdbError("kmm-whatis takes an address.")
        address = address_from(argument)
        if self.guarded(heap, address) or self.vmalloc(heap, address):
            return
        for index, area in enumerate(heap.ranges()):
            if area.start_pfn <= address >> heap.shift < area.end_pfn:
                self.page(heap, index, area, address)
                return
        for cache in heap.caches():
            if cache.address <= address < cache.address + heap["kmem_cache"]:
                print(f"{address:#x}: in the struct kmem_cache of "
                      f"{heap.name_of(cache)}")
                return
        text = gdb.execute(f"info symbol {address:#x}", to_string=True).strip()
        print(f"{address:#x}: not in the heap"
              + ("" if text.startswith("No symbol") else f": {text}"))

    def guarded(self, heap, address):
        pool = heap.kfence()
        if not pool.size or not 0 <= address - pool.start < pool.size:
            return False
        unit_size = pool.size // pool.nr_units
        unit = (address - pool.start) // unit_size
        first = struct.unpack("<I", read_memory(pool.units + unit * 4, 4))[0]
        if not first:
            print(f"{address:#x}: in the pool of kfence, where nothing has "
                  "been yet")
            return True
        meta = heap.record("kfence_metadata", pool.metadata + first *
                           heap["kfence_metadata"])
        end = meta.addr + meta.size
        state = "in use" if meta.state == heap["KFENCE_OBJECT_ALLOCATED"] \
            else "free"
        where = f"{address - meta.addr} bytes inside" \
            if meta.addr <= address < end else \
            f"{meta.addr - address} bytes in front of" \
            if address < meta.addr else f"{address - end} bytes behind"
        print(f"{address:#x}: {where} guarded object kfence-#{first} of "
              f"{read_text(meta.name)}, {meta.size} bytes at {meta.addr:#x}, "
              f"{state}")
        for what, name in (("allocated", "alloc"), ("freed", "free")):
            track = meta.part(name, "kfence_track")
            heap.print_stack(what, track.tid, track.stack)
        return True

    def vmalloc(self, heap, address):
        for start, area in heap.vmalloc_blocks():
            if not area.base <= address < area.end:
                continue
            print(f"{address:#x}: {address - start} bytes inside" if
                  start <= address < start + area.size else
                  f"{address:#x}: beside", end="")
            print(f" a vmalloc block of {area.size} bytes at {start:#x}")
            owner = area.part("owner", "page_owner")
            heap.print_stack("allocated", owner.tid, owner.handle)
            return True
        return False

    def page(self, heap, index, area, address):
        pfn, page = heap.head_of(area, address >> heap.shift)
        base = pfn << heap.shift
        print(f"{address:#x}: {describe_page(heap, page, base)}")
        if page.flag("PG_slab"):
            self.object(heap, page, base, address)
        else:
            owner = heap.owner_of(index, area, pfn)
            if owner and not page.flag("PG_buddy"):
                print(f"{owner.size} bytes were asked for")
                heap.print_stack("allocated", owner.tid, owner.handle)
        print(f"range {area.start_pfn << heap.shift:#x}-"
              f"{area.end_pfn << heap.shift:#x}, pfn "
              f"{address >> heap.shift:#x}, head's struct page at "
              f"{page.address:#x}, flags {page_flags(heap, page)}")

    def object(self, heap, page, base, address):
        cache = heap.record("kmem_cache", page.slab_cache)
        number, offset = divmod(address - base - cache.red_left_pad,
                                cache.size)
        if not 0 <= number < page.objects:
            print("beside the objects of the slab")
            return
        letter = heap.slab_map(cache, base, page,
                               heap.in_sheaves(cache))[number]
        state = {"#": "in use", "s": "free, in a sheaf", ".": "free",
                 "-": "never handed out"}[letter]
        where = "start" if not offset else f"{offset} bytes inside" \
            if offset < cache.object_size else \
            f"{offset - cache.object_size} bytes behind the end"
        print(f"{where} of object {number} at "
              f"{heap.object_at(cache, base, number):#x}: {state}")
        if cache.track_offset and letter != "-":
            for i, what in enumerate(("allocated", "freed")):
                track = heap.record("track", heap.object_at(
                    cache, base, number) + cache.track_offset + i *
                    heap["track"])
                if track.when:
                    heap.print_stack(what, track.tid, track.handle)


class KmmLive(Command):
    """kmm-live

What is allocated, by cache: blocks, and bytes as far as it is known how many were
asked for, else as many as there are. The sums are those of `kmm live`, which
lists the stacks as well, and all heaps if there are several."""

    NAME = "kmm-live"

    def run(self, heap, argument):
        if argument:
            raise gdb.GdbError("kmm-live takes no argument.")
        rows = {}

        def count(name, size):
            blocks, total = rows.get(name, (0, 0))
            rows[name] = blocks + 1, total + size

        for cache in heap.caches():
            if not self.is_own(heap, cache):
                self.count_cache(heap, cache, count)
        for index, area in enumerate(heap.ranges()):
            self.count_pages(heap, index, area, count)
        for _, area in heap.vmalloc_blocks():
            owner = area.part("owner", "page_owner")
            count("vmalloc", min(owner.size or area.size, area.size))
        own = {cache.name for cache in heap.caches()}
        for meta in heap.guarded(heap.kfence()):
            if meta.addr not in own:
                count(read_text(meta.name), meta.size)
        print(f"{'# name':<17} {'blocks':>9} {'bytes':>12}")
        for name, (blocks, total) in rows.items():
            print(f"{name:<17} {blocks:>9} {total:>12}")
        print(f"live: {sum(total for _, total in rows.values())} bytes in "
              f"{sum(blocks for blocks, _ in rows.values())} blocks")

    def is_own(self, heap, cache):
        """The library's own objects."""
        return heap.name_of(cache) in ("kmem_cache", "vmap_area") or \
            cache.flags & 1 << 31	# SLAB_NO_SHEAVES

    def count_cache(self, heap, cache, count):
        in_sheaves, name = heap.in_sheaves(cache), heap.name_of(cache)
        own = {other.name for other in heap.caches()}	# names of caches
        for base, page in heap.slabs(cache):
            if base is None:
                return
            letters = heap.slab_map(cache, base, page, in_sheaves)
            for number, letter in enumerate(letters):
                if letter != "#":
                    continue
                address = heap.object_at(cache, base, number)
                if address in own:
                    continue
                if cache.track_offset and not heap.record(
                        "track", address + cache.track_offset).when:
                    continue	# damaged, and set aside
                count(name, self.asked(cache, address))

    def asked(self, cache, address):
        if not cache.orig_offset:
            return cache.object_size
        size = struct.unpack("<I", read_memory(address + cache.orig_offset,
                                               4))[0]
        return size if 0 < size <= cache.object_size else cache.object_size

    def count_pages(self, heap, index, area, count):
        size = heap["page"]
        data = read_memory(area.pages, (area.end_pfn - area.start_pfn) * size)
        for i in range(area.end_pfn - area.start_pfn):
            page = Record(heap, "page", area.pages + i * size,
                          data[i * size:(i + 1) * size])
            if page.flag("PG_pcp"):
                continue
            if page.flag("PG_large"):
                # With red zones, what is behind is not the program's.
                nr = (page.private << heap.shift) - page.slack
            elif page._refcount > 0 and not page.slab_cache and \
                    not page.tail_index and not page.flag("PG_buddy"):
                nr = 1 << heap.shift << page.order
            else:
                continue
            owner = heap.owner_of(index, area, area.start_pfn + i)
            count("pages", min(owner.size, nr) if owner else nr)


# In words --------------------------------------------------------------------

def page_flags(heap, page):
    words = [name[3:] for name in ("PG_buddy", "PG_slab", "PG_head",
                                   "PG_large", "PG_zeroed", "PG_pcp")
             if page.flag(name)]
    zone = page.flags >> heap["PG_ZONE_SHIFT"] & heap["PG_ZONE_MASK"]
    words.append("zone=" + read_text(heap.root("zones", "zone", zone).name))
    return "|".join(words)


def describe_page(heap, page, base):
    """A head page, or one that is no block's."""
    pages = f"{count_of(1 << page.order, 'page')} at {base:#x}"
    if page.flag("PG_slab"):
        cache = heap.record("kmem_cache", page.slab_cache)
        return (f"slab of {heap.name_of(cache)}, {page.inuse} of "
                f"{page.objects} objects in use or in sheaves, {pages}")
    if page.tail_index:
        head = page.address - page.tail_index * heap["page"]
        return f"page at {base:#x}, tail of {head:#x}"
    if page.flag("PG_buddy"):
        return f"free block of order {page.order}, {pages}"
    if page.flag("PG_pcp") and page.flag("PG_large"):
        return (f"free block of {count_of(page.private, 'page')} on a per-CPU "
                f"list, at {base:#x}")
    if page.flag("PG_pcp"):
        return f"free block of order {page.order} on a per-CPU list, {pages}"
    if page.flag("PG_large"):
        return f"large block of {count_of(page.private, 'page')} at {base:#x}"
    if page._refcount > 0:
        return f"block from alloc_pages(), {page._refcount} references, {pages}"
    return f"page at {base:#x}, in use by the library, or a tail of a block"


class Printer:
    """An object by what the heap says of it: value.address must be there."""

    def __init__(self, text):
        self.text = text

    def to_string(self):
        return self.text


def print_page(heap, address):
    page = heap.record("page", address)
    base = heap.address_of(page)
    return None if base is None else describe_page(heap, page, base)


def print_cache(heap, address):
    for cache in heap.caches():
        if cache.address == address:
            node = cache.part("node", "kmem_cache_node")
            return (f"kmem_cache {heap.name_of(cache)}: objects of "
                    f"{cache.object_size} bytes, {cache.size} apart, "
                    f"{cache.objects} in a slab of order {cache.order}; "
                    f"{node.nr_slabs} slabs, {node.nr_objects} objects")
    return None


def print_zone(heap, address):
    start, size, count = heap.roots["zones"]
    if (address - start) % size or not 0 <= address - start < size * count:
        return None
    zone = heap.record("zone", address)
    return (f"zone {read_text(zone.name)}: {zone.nr_free} of "
            f"{zone.managed_pages} pages free")


PRINTERS = {"page": print_page, "kmem_cache": print_cache, "zone": print_zone}


def lookup_printer(value):
    """For gdb.pretty_printers. Another program's struct page is none of ours:
    it is not where the heap has one."""
    if value.type.name == "gfp_t":
        return Printer(gfp_flags(int(value) & 0xffffffff))
    kind = value.type.strip_typedefs()
    function = PRINTERS.get(kind.tag) if kind.code == gdb.TYPE_CODE_STRUCT \
        else None
    if not function or value.address is None:
        return None
    try:
        text = function(Heap(), int(value.address))
    except (gdb.GdbError, gdb.error):
        return None
    return Printer(text) if text else None


for command in (KmmSlab, KmmBuddy, KmmWhatis, KmmLive):
    command()
gdb.pretty_printers.insert(0, lookup_printer)
