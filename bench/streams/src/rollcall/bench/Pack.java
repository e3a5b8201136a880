package rollcall.bench;

import java.util.Arrays;

/** Bytes that grow, written as integers and as texts with their length before them; used again and again. */
final class Pack {
    private byte[] buffer = new byte[4096];
    private int size;

    Pack clear() {
        size = 0;
        return this;
    }

    Pack number(int value) {
        room(4);
        putInt(buffer, size, value);
        size += 4;
        return this;
    }

    Pack text(byte[] from, int offset, int length) {
        number(length);
        return raw(from, offset, length);
    }

    Pack text(byte[] text) {
        return text(text, 0, text.length);
    }

    Pack raw(byte[] from, int offset, int length) {
        room(length);
        System.arraycopy(from, offset, buffer, size, length);
        size += length;
        return this;
    }

    int size() {
        return size;
    }

    byte[] bytes() {
        return Arrays.copyOf(buffer, size);
    }

    private void room(int more) {
        if (size + more > buffer.length) {
            buffer = Arrays.copyOf(buffer, Math.max(buffer.length * 2, size + more));
        }
    }

    static int getInt(byte[] from, int at) {
        return (from[at] & 0xff) << 24 | (from[at + 1] & 0xff) << 16 | (from[at + 2] & 0xff) << 8 | from[at + 3] & 0xff;
    }

    static void putInt(byte[] into, int at, int value) {
        into[at] = (byte) (value >>> 24);
        into[at + 1] = (byte) (value >>> 16);
        into[at + 2] = (byte) (value >>> 8);
        into[at + 3] = (byte) value;
    }

    /** Where the text after the one at {@code at} begins. */
    static int skip(byte[] from, int at) {
        return at + 4 + getInt(from, at);
    }

    static byte[] textAt(byte[] from, int at) {
        return Arrays.copyOfRange(from, at + 4, skip(from, at));
    }

    static boolean sameText(byte[] one, int at, byte[] other, int otherAt) {
        return Arrays.equals(one, at + 4, skip(one, at), other, otherAt + 4, skip(other, otherAt));
    }
}
