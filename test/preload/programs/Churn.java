// SPDX-License-Identifier: MIT
// The Java runtime's own use of malloc: threads, direct buffers, deflate.
import java.nio.ByteBuffer;
import java.util.zip.Adler32;
import java.util.zip.Deflater;

public class Churn {
	static long churn(int n) {
		Adler32 sum = new Adler32();
		for (int i = 0; i < 300; i++) {
			ByteBuffer direct = ByteBuffer.allocateDirect(1 + i * 131);
			byte[] input = new byte[1 + i * 131];
			for (int j = 0; j < input.length; j++)
				input[j] = (byte) (j * n + i);
			direct.put(input).flip();
			Deflater deflater = new Deflater();
			byte[] output = new byte[input.length + 100];
			deflater.setInput(input);
			deflater.finish();
			sum.update(output, 0, deflater.deflate(output));
			deflater.end();
			sum.update(direct);
		}
		return sum.getValue();
	}

	public static void main(String[] args) throws Exception {
		long[] result = new long[4];
		Thread[] threads = new Thread[4];
		for (int i = 0; i < 4; i++) {
			int n = i;
			threads[i] = new Thread(() -> result[n] = churn(n + 1));
			threads[i].start();
		}
		for (int i = 0; i < 4; i++) {
			threads[i].join();
			System.out.println(result[i]);
		}
	}
}
